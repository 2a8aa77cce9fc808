//! Accepting a job, at most once.

use wire::message::call::Start;
use wire::message::job::{MinionJobId, MinionState};

use super::ledger::MinionLedger;
use super::records::{Course, MinionJob, StoredStart};
use crate::arguments::size_of;
use crate::draft::Draft;
use crate::error::LedgerError;
use crate::key;
use crate::keyspace::Keyspace;
use crate::write::{Durability, Purpose};

/// What became of a request to accept a job.
#[derive(Clone, Debug, PartialEq)]
pub enum Accepted {
    /// The job is recorded, and the caller is the one who runs it.
    New(MinionJobId),
    /// The job was recorded before: this is its state, and nothing is to be started.
    Known(Box<MinionJob>),
}

impl MinionLedger {
    /// Records a job as queued, unless it is known. However many callers accept one job at once, one of them is
    /// told that it is new. `now` is in milliseconds since 1970.
    ///
    /// # Errors
    /// [`LedgerError::DiskFull`] for new jobs on a full disk, and never for one that is known.
    pub async fn accept(
        &self,
        start: Start,
        now: u64,
        durability: Durability,
    ) -> Result<Accepted, LedgerError> {
        self.accept_as(MinionState::Queued, start, now, durability).await
    }

    /// Like [`accept`](Self::accept), for a job that runs as soon as it is recorded: it is recorded as running at once.
    ///
    /// # Errors
    /// As [`accept`](Self::accept).
    pub async fn accept_running(
        &self,
        start: Start,
        now: u64,
        durability: Durability,
    ) -> Result<Accepted, LedgerError> {
        self.accept_as(MinionState::Running, start, now, durability).await
    }

    async fn accept_as(
        &self,
        state: MinionState,
        start: Start,
        now: u64,
        durability: Durability,
    ) -> Result<Accepted, LedgerError> {
        let (job, size) = (start.job, size_of(&start.arguments));
        let write = move |draft: &Draft<'_>| accept(draft, start, state, now);
        let accepted = self.engine.write_sized(size, Purpose::Begin, durability, write).await;
        match accepted {
            // Without room the write was refused before it looked whether the job is known, and a known one writes
            // nothing.
            Err(full @ LedgerError::DiskFull { .. }) => match self.job(&job)? {
                Some(known) => Ok(Accepted::Known(Box::new(known))),
                None => Err(full),
            },
            other => other,
        }
    }
}

fn accept(draft: &Draft<'_>, start: Start, state: MinionState, now: u64) -> Result<Accepted, LedgerError> {
    let job = start.job;
    if let Some(course) = Course::of(draft, job)? {
        return Ok(Accepted::Known(Box::new(course.job(draft, job)?)));
    }
    let minion_job = MinionJobId::new();
    let bytes = draft.put_record(key::of_job(job, &[]), &StoredStart(start));
    let course = Course {
        minion_job,
        state,
        accepted_at: now,
        started_at: (state == MinionState::Running).then_some(now),
        ended_at: None,
        acknowledged: false,
        bytes,
    };
    draft.put_record(key::of_job(job, &[]), &course);
    draft.mark(Keyspace::Unfinished, key::of_job(job, &[]));
    Ok(Accepted::New(minion_job))
}
