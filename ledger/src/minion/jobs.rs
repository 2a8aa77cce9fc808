//! The jobs of a minion: accepted at most once, ended, acknowledged and then removed, and looked up.

use wire::memory::Held as _;
use wire::message::call::Start;
use wire::message::job::{JobId, MinionJobId, MinionState};
use wire::message::outcome::{FailureKind, Outcome, Report};
use wire::value::arguments::{Arguments, Word};

use super::ledger::MinionLedger;
use super::records::{Course, MinionJob, StoredReport, StoredStart};
use crate::draft::Draft;
use crate::error::LedgerError;
use crate::key::{self, Span};
use crate::keyspace::Keyspace;
use crate::read::Read;
use crate::record;
use crate::retention::{Ended, Purge, Purged, Retention};
use crate::write::{Changed, Durability, Purpose};

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

impl MinionLedger {
    /// The job, by the overlord's id; `None` where it is unknown or purged.
    pub fn job(&self, job: &JobId) -> Result<Option<MinionJob>, LedgerError> {
        let source = self.engine.read()?;
        Course::of(&source, *job)?.map(|course| course.job(&source, *job)).transpose()
    }

    /// The jobs that are queued or running, oldest first.
    pub fn unfinished(&self) -> Result<Vec<JobId>, LedgerError> {
        let source = self.engine.read()?;
        let rows = source.scan(Keyspace::Unfinished, Span::all());
        Ok(rows.filter_map(|(key, _)| key::last_job(&key)).collect())
    }

    /// At most `limit` jobs, newest first.
    pub fn recent(&self, limit: usize) -> Result<Vec<MinionJob>, LedgerError> {
        let source = self.engine.read()?;
        let rows = source.scan(Keyspace::Starts, Span::all()).rev();
        let mut jobs = Vec::new();
        for job in rows.filter_map(|(key, _)| key::last_job(&key)).take(limit) {
            if let Some(course) = Course::of(&source, job)? {
                jobs.push(course.job(&source, job)?);
            }
        }
        Ok(jobs)
    }
}

/// About how many bytes a record of these arguments has.
fn size_of(arguments: &Arguments) -> usize {
    match arguments {
        Arguments::Words(words) => words.iter().map(size_of_word).sum(),
        Arguments::Json(text) => text.len(),
        Arguments::Values(values) => values.iter().map(|value| value.held()).sum(),
    }
}

fn size_of_word(word: &Word) -> usize {
    match word {
        Word::Text(text) => text.len(),
        Word::File(bytes) => bytes.len(),
    }
}
