//! What minions report of their parts of a job.
//!
//! Every report goes through [`MinionState::advance`] against what is stored, in the order in which the
//! ledger gets them, so a late or doubled one changes nothing and the first outcome stands.

use machine::failpoint::{Point, reach};
use wire::message::call::Progress;
use wire::message::job::{JobId, JobState, MinionJobId, MinionState};
use wire::message::operator::Transition;
use wire::message::outcome::Report;
use wire::name::MinionName;

use super::accept::is_target;
use super::give_up;
use super::ledger::OverlordLedger;
use super::records::{StoredProgress, StoredReport, StoredTransition};
use super::tally::{self, Tally};
use crate::changed::Changed;
use crate::draft::Draft;
use crate::durability::{Durability, Purpose};
use crate::error::LedgerError;
use crate::key;

impl OverlordLedger {
    /// Records that a minion has queued or started its part, and the transition of the job that follows.
    ///
    /// A finished state changes nothing here: it comes with its outcome, by
    /// [`part_finished`](Self::part_finished).
    pub async fn part_changed(
        &self,
        job: JobId,
        minion: &MinionName,
        minion_job: MinionJobId,
        state: MinionState,
        at: u64,
    ) -> Result<Changed<Transition>, LedgerError> {
        if state.outcome().is_some() {
            return Ok(Changed::No);
        }
        let news = News { job, minion: minion.clone(), minion_job: Some(minion_job), state, at };
        self.engine.write(Purpose::Proceed, Durability::Written, move |draft| news.record(draft, None)).await
    }

    /// Records how a part ended, and the transition of the job that follows. With the last outcome the job
    /// is over in the same moment, by a transition of its own, which is the one returned.
    ///
    /// Of a part that was given up, it is recorded beside that, where nothing is yet.
    ///
    /// After the future is ready with either answer, the minion may let go of the outcome.
    pub async fn part_finished(
        &self,
        job: JobId,
        minion: &MinionName,
        minion_job: Option<MinionJobId>,
        report: Report,
        at: u64,
        durability: Durability,
    ) -> Result<Changed<Transition>, LedgerError> {
        let state = MinionState::Finished(report.outcome.kind());
        let news = News { job, minion: minion.clone(), minion_job, state, at };
        self.engine.write(Purpose::Proceed, durability, move |draft| news.record(draft, Some(report))).await
    }

    /// Keeps the last progress of a part that is not finished; of any other it is dropped.
    pub async fn progress(
        &self,
        job: JobId,
        minion: &MinionName,
        progress: Progress,
    ) -> Result<(), LedgerError> {
        let minion = minion.clone();
        let write = move |draft: &Draft<'_>| {
            let key = key::of_job(job, minion.as_str().as_bytes());
            let finished = || Ok(tally::part(draft, &key)?.state.and_then(MinionState::outcome).is_some());
            if is_target(draft, job, minion.as_str())? && !finished()? {
                draft.put_record(key, &StoredProgress(progress));
            }
            Ok(())
        };
        self.engine.write(Purpose::Proceed, Durability::Written, write).await
    }
}

/// What a minion reports of its part.
pub(super) struct News {
    pub(super) job: JobId,
    pub(super) minion: MinionName,
    pub(super) minion_job: Option<MinionJobId>,
    pub(super) state: MinionState,
    pub(super) at: u64,
}

impl News {
    pub(super) fn record(
        self,
        draft: &Draft<'_>,
        report: Option<Report>,
    ) -> Result<Changed<Transition>, LedgerError> {
        let Self { job, minion, minion_job, state, at } = self;
        let key = key::of_job(job, minion.as_str().as_bytes());
        if !is_target(draft, job, minion.as_str())? {
            return Ok(Changed::No);
        }
        let mut part = tally::part(draft, &key)?;
        let (before, Some(state)) = (part.state, MinionState::advance(part.state, state)) else {
            if let Some(report) = report {
                give_up::hear(draft, job, &minion, report, at)?;
            }
            return Ok(Changed::No);
        };
        let Some(mut tally) = Tally::of(draft, job)? else {
            return Ok(Changed::No);
        };
        part.minion_job = minion_job.or(part.minion_job);
        (part.state, part.changed_at) = (Some(state), at);
        tally.advance(before, state);
        if before.is_none() {
            tally.add_bytes(draft.put_record(key.clone(), &part));
        } else {
            draft.put_record(key.clone(), &part);
        }
        if let Some(report) = report {
            tally.add_bytes(draft.put_record(key, &StoredReport(report)));
        }
        let job_state = tally.state();
        // The last outcome comes in first, and then the job is over: two steps of its history, one batch.
        let with_part = if job_state.is_over() { JobState::Partial } else { job_state };
        let part = Some((minion, state));
        let mut transition = record_transition(draft, job, &mut tally, at, with_part, part);
        if job_state.is_over() {
            reach(Point::OverBefore);
            transition = record_transition(draft, job, &mut tally, at, job_state, None);
        }
        tally.put(draft, job, at);
        Ok(Changed::Yes(transition))
    }
}

/// Adds a transition in its place in the order.
pub(super) fn record_transition(
    draft: &Draft<'_>,
    job: JobId,
    tally: &mut Tally,
    at: u64,
    job_state: JobState,
    part: Option<(MinionName, MinionState)>,
) -> Transition {
    let seq = tally.take_seq();
    let transition = StoredTransition { at, job_state, part };
    tally.add_bytes(draft.put_record(key::of_job(job, &seq.to_be_bytes()), &transition));
    transition.at_place(seq)
}
