//! Outcomes that the overlord has, and the removal of jobs after that.

use wire::message::job::JobId;

use super::ledger::MinionLedger;
use super::records::Course;
use crate::draft::Draft;
use crate::error::LedgerError;
use crate::key::{self, Span};
use crate::keyspace::Keyspace;
use crate::read::Read;
use crate::record;
use crate::retention::{Ended, Purge, Purged, Retention};
use crate::write::Changed;
use crate::write::{Durability, Purpose};

/// How many jobs one batch removes.
const AT_ONCE: usize = 64;

impl MinionLedger {
    /// Records that the overlord has the outcome. Changes nothing about a job that is not over.
    pub async fn acknowledged(&self, job: JobId) -> Result<Changed, LedgerError> {
        let write = move |draft: &Draft<'_>| acknowledge(draft, job);
        self.engine.write(Purpose::Proceed, Durability::Written, write).await
    }

    /// Like [`acknowledged`](Self::acknowledged), but the caller waits for nothing, and `tell` is told what became of it: it
    /// is recorded within a moment, together with others. Where the minion dies before that, the outcome is offered to the
    /// overlord again.
    pub async fn acknowledged_soon(
        &self,
        job: JobId,
        tell: impl FnOnce(Result<Changed, LedgerError>) + Send + 'static,
    ) {
        self.engine.write_soon(Purpose::Proceed, move |draft| acknowledge(draft, job), tell).await;
    }

    /// Waits until all outcomes are recorded as acknowledged that were said to be before.
    pub async fn receipts_recorded(&self) -> Result<(), LedgerError> {
        self.engine.flush().await
    }

    /// Finished jobs whose outcome the overlord does not have, as far as the minion knows: those that ended first,
    /// at most `limit`.
    pub fn unacknowledged(&self, limit: usize) -> Result<Vec<JobId>, LedgerError> {
        let source = self.engine.read()?;
        let rows = source.scan(Keyspace::Unacknowledged, Span::all());
        Ok(rows.filter_map(|(key, _)| key::last_job(&key)).take(limit).collect())
    }

    /// Removes the finished and acknowledged jobs that `retention` does not keep at the time `now`, in
    /// milliseconds since 1970: those that ended first before the others. Returns how many.
    pub async fn purge(&self, retention: Retention, now: u64) -> Result<usize, LedgerError> {
        let (mut purge, mut purged) = (Purge::new(retention, now), 0);
        loop {
            let step = purge.step(&self.engine.read()?, Keyspace::Settled, AT_ONCE);
            match step {
                Purged::All => return Ok(purged),
                Purged::Nothing => tokio::task::yield_now().await,
                Purged::Victims(victims) => {
                    purged += victims.len();
                    let write = move |draft: &Draft<'_>| {
                        victims.iter().for_each(|ended| remove(draft, *ended));
                        Ok(())
                    };
                    self.engine.write(Purpose::Free, Durability::Written, write).await?;
                }
            }
        }
    }
}

fn acknowledge(draft: &Draft<'_>, job: JobId) -> Result<Changed, LedgerError> {
    let Some(course) = Course::of(draft, job)? else { return Ok(Changed::No) };
    let (false, Some(ended_at)) = (course.acknowledged, course.ended_at) else { return Ok(Changed::No) };
    draft.put_record(key::of_job(job, &[]), &Course { acknowledged: true, ..course });
    draft.remove(Keyspace::Unacknowledged, key::by_time(ended_at, job));
    draft.put(Keyspace::Settled, key::by_time(ended_at, job), record::number(course.bytes));
    Ok(Changed::Yes(()))
}

fn remove(draft: &Draft<'_>, Ended { at, job }: Ended) {
    draft.remove(Keyspace::Settled, key::by_time(at, job));
    for space in [Keyspace::Starts, Keyspace::States, Keyspace::Reports] {
        draft.remove(space, key::of_job(job, &[]));
    }
}
