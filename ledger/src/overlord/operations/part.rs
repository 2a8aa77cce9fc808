//! What minions report of their parts of a job.
//!
//! Every report goes through [`MinionState::advance`] against what is stored, in the order in which the
//! ledger gets them, so a late or doubled one changes nothing and the first outcome stands.

use machine::failpoint::{Point, reach};
use wire::message::job::{JobId, JobState, MinionJobId, MinionState};
use wire::message::operator::Transition;
use wire::message::outcome::Report;
use wire::name::MinionName;

use super::job::is_target;
use super::records::{StoredLater, StoredReport, part_key};
use super::tally::{self, Tally};
use super::transition;
use crate::draft::Draft;
use crate::error::LedgerError;
use crate::key;
use crate::keyspace::Keyspace;
use crate::read::Read as _;
use crate::write::Changed;

/// What a minion reports of its part.
#[derive(Clone)]
pub(crate) struct News {
    pub(crate) job: JobId,
    pub(crate) minion: MinionName,
    pub(crate) minion_job: Option<MinionJobId>,
    pub(crate) state: MinionState,
    pub(crate) at: u64,
}

impl News {
    /// That the part ended at this time, with this report.
    pub(crate) fn of_end(
        job: JobId,
        minion: &MinionName,
        minion_job: Option<MinionJobId>,
        report: &Report,
        at: u64,
    ) -> Self {
        let state = MinionState::Finished(report.outcome.kind());
        Self { job, minion: minion.clone(), minion_job, state, at }
    }

    /// Records what the minion reports, with how the part ended where it has.
    pub(crate) fn record(
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
                hear(draft, job, &minion, report, at)?;
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
        // The last outcome is recorded first, and only the transition after it ends the job: two steps of its
        // history, in one batch.
        let with_part = if job_state.is_over() { JobState::Partial } else { job_state };
        let part = Some((minion, state));
        let mut last = transition::record(draft, job, &mut tally, at, with_part, part);
        if job_state.is_over() {
            reach(Point::OverBefore);
            last = transition::record(draft, job, &mut tally, at, job_state, None);
        }
        tally.put(draft, job, at);
        Ok(Changed::Yes(last))
    }
}

/// Records what a minion says of a part that was given up, once. Nothing where it was not.
fn hear(
    draft: &Draft<'_>,
    job: JobId,
    minion: &MinionName,
    report: Report,
    at: u64,
) -> Result<(), LedgerError> {
    let unheard = key::by_name(minion.as_str(), job);
    if !draft.has(Keyspace::Unheard, &unheard)? {
        return Ok(());
    }
    draft.remove(Keyspace::Unheard, unheard);
    let bytes = draft.put_record(part_key(job, minion), &StoredLater { at, report });
    tally::add_bytes(draft, job, bytes, at)
}
