//! Moving a job forward, to its end.

use wire::memory::Held as _;
use wire::message::job::{JobId, MinionState};
use wire::message::outcome::{FailureKind, Outcome, Report};

use super::ledger::MinionLedger;
use super::records::{Course, StoredReport};
use crate::draft::Draft;
use crate::error::LedgerError;
use crate::key::{self, Span};
use crate::keyspace::Keyspace;
use crate::read::Read;
use crate::write::Changed;
use crate::write::{Durability, Purpose};

impl MinionLedger {
    /// Records that the job is about to run, at the time `now`. To be awaited before anything of it runs.
    pub async fn running(&self, job: JobId, now: u64) -> Result<Changed, LedgerError> {
        let write = move |draft: &Draft<'_>| {
            let Some(mut course) = Course::of(draft, job)? else { return Ok(Changed::No) };
            let Some(state) = MinionState::advance(Some(course.state), MinionState::Running) else {
                return Ok(Changed::No);
            };
            (course.state, course.started_at) = (state, Some(now));
            draft.put_record(key::of_job(job, &[]), &course);
            Ok(Changed::Yes(()))
        };
        self.engine.write(Purpose::Proceed, Durability::Written, write).await
    }

    /// Records how the job ended. The first outcome stands.
    pub async fn finished(
        &self,
        job: JobId,
        report: Report,
        durability: Durability,
    ) -> Result<Changed, LedgerError> {
        let size = report.held();
        let write = move |draft: &Draft<'_>| finish(draft, job, report);
        self.engine.write_sized(size, Purpose::Proceed, durability, write).await
    }

    /// Ends the jobs that a former life of the minion left queued or running as `interrupted`, at the time `now`,
    /// and returns them. To be called before any job is accepted.
    pub async fn interrupt_unfinished(&self, now: u64) -> Result<Vec<JobId>, LedgerError> {
        let write = move |draft: &Draft<'_>| {
            let keys: Vec<_> = draft.scan(Keyspace::Unfinished, Span::all()).map(|(key, _)| key).collect();
            let mut interrupted = Vec::new();
            for job in keys.iter().filter_map(|key| key::last_job(key)) {
                if interrupt(draft, job, now)? == Changed::Yes(()) {
                    interrupted.push(job);
                }
            }
            Ok(interrupted)
        };
        self.engine.write(Purpose::Proceed, Durability::Synced, write).await
    }
}

fn interrupt(draft: &Draft<'_>, job: JobId, now: u64) -> Result<Changed, LedgerError> {
    let message = match Course::of(draft, job)?.map(|course| course.state) {
        Some(MinionState::Queued) => "the minion was stopped before the job had its turn",
        _ => "the minion was stopped while the job was running",
    };
    let outcome = Outcome::failed(FailureKind::Interrupted, message);
    let changed = finish(draft, job, Report::without_run(outcome, now))?;
    // The row is removed also for a job that is over, or unknown by now: it means nothing any more.
    draft.remove(Keyspace::Unfinished, key::of_job(job, &[]));
    Ok(changed)
}

fn finish(draft: &Draft<'_>, job: JobId, report: Report) -> Result<Changed, LedgerError> {
    let Some(mut course) = Course::of(draft, job)? else { return Ok(Changed::No) };
    let next = MinionState::Finished(report.outcome.kind());
    let Some(state) = MinionState::advance(Some(course.state), next) else { return Ok(Changed::No) };
    // Where the clock was set back in between, the job would seem to have ended before it began.
    let ended_at = report.ended_at.max(course.accepted_at);
    (course.state, course.ended_at) = (state, Some(ended_at));
    course.bytes += draft.put_record(key::of_job(job, &[]), &StoredReport(report));
    draft.put_record(key::of_job(job, &[]), &course);
    draft.remove(Keyspace::Unfinished, key::of_job(job, &[]));
    draft.mark(Keyspace::Unacknowledged, key::by_time(ended_at, job));
    Ok(Changed::Yes(()))
}
