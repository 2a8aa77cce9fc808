//! The tally of a job: how many of its parts are in which state, from which the job's own state follows.
//!
//! It spares every report a look at all other parts. What it says follows from the other records, so a tally that
//! is lost is counted anew.

use serde::{Deserialize, Serialize};
use wire::message::job::{JobId, JobState, MinionState, OutcomeKind};

use super::records::{Head, StoredReport, StoredTransition, Targets};
use crate::draft::Draft;
use crate::error::LedgerError;
use crate::key::{self, Span};
use crate::keyspace::Keyspace;
use crate::overlord::job::PartRecord;
use crate::read::Read;
use crate::record::{self, Record};

/// How many parts of a job are in which state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Tally {
    /// When the job was accepted, in milliseconds since 1970; it cannot have ended before.
    pub(super) accepted_at: u64,
    /// When the last outcome was recorded, in milliseconds since 1970.
    pub(super) ended_at: Option<u64>,
    /// How many parts no minion has reported.
    silent: u32,
    /// How many parts are queued or running.
    open: u32,
    /// How many parts have the outcome `ok`.
    ok: u32,
    /// The number of the next transition.
    next_seq: u32,
    /// How many bytes the job takes.
    bytes: u64,
    /// The state under which the index by state has the job, where that is known.
    #[serde(skip)]
    indexed: Option<JobState>,
}

impl Record for Tally {
    const SPACE: Keyspace = Keyspace::Tallies;
}

impl Tally {
    /// The tally of a job with so many targets, of which no part was reported yet.
    pub(super) fn new(accepted_at: u64, targets: u32) -> Self {
        Self {
            accepted_at,
            ended_at: None,
            silent: targets,
            open: 0,
            ok: 0,
            next_seq: 0,
            bytes: 0,
            indexed: None,
        }
    }

    /// The tally of a job, or `None` where there is no such job.
    pub(super) fn of(source: &impl Read, job: JobId) -> Result<Option<Self>, LedgerError> {
        match source.record::<Tally>(&key::of_job(job, &[]))? {
            Some(tally) => Ok(Some(Self { indexed: Some(tally.state()), ..tally })),
            None => Self::recount(source, job),
        }
    }

    /// Counts the parts of a job from their own records.
    fn recount(source: &impl Read, job: JobId) -> Result<Option<Self>, LedgerError> {
        let Some(head) = source.record::<Head>(&key::of_job(job, &[]))? else {
            return Ok(None);
        };
        let mut tally = Self::new(head.accepted_at, head.targets);
        let mut last_change = 0;
        let targets = source.record::<Targets>(&key::of_job(job, &[]))?.unwrap_or_default();
        for minion in &targets.0 {
            let part = part(source, &key::of_job(job, minion.as_str().as_bytes()))?;
            if let Some(state) = part.state {
                tally.advance(None, state);
                last_change = last_change.max(part.changed_at);
            }
        }
        let span = Span::prefix(&job.to_bytes());
        let last = source.records::<StoredTransition>(span).next_back();
        tally.next_seq = last.and_then(|(key, _)| seq_of(&key)).map_or(0, |seq| seq + 1);
        tally.bytes = bytes_of(source, job)?;
        tally.ended_at = tally.state().is_over().then_some(last_change.max(tally.accepted_at));
        Ok(Some(tally))
    }

    /// The state of the job that follows from its parts.
    pub(super) fn state(&self) -> JobState {
        match (self.silent, self.open, self.ok) {
            (1.., _, _) => JobState::Running,
            (0, 1.., _) => JobState::Partial,
            (0, 0, 1..) => JobState::Finished,
            (0, 0, 0) => JobState::RemoteError,
        }
    }

    /// How many parts ended in `ok`.
    pub(super) fn ok(&self) -> u32 {
        self.ok
    }

    /// How many of the job's targets ended in another outcome.
    pub(super) fn failed(&self, targets: u32) -> u32 {
        targets.saturating_sub(self.silent).saturating_sub(self.open).saturating_sub(self.ok)
    }

    /// Counts a part that went from `before` to `now`.
    pub(super) fn advance(&mut self, before: Option<MinionState>, now: MinionState) {
        match before {
            None => self.silent = self.silent.saturating_sub(1),
            Some(_) => self.open = self.open.saturating_sub(1),
        }
        match now {
            MinionState::Queued | MinionState::Running => self.open += 1,
            MinionState::Finished(OutcomeKind::Ok) => self.ok += 1,
            MinionState::Finished(_) => {}
        }
    }

    /// Counts bytes that were written for the job.
    pub(super) fn add_bytes(&mut self, bytes: u64) {
        self.bytes += bytes;
    }

    /// The number of the next transition, which is used up by this.
    pub(super) fn take_seq(&mut self) -> u32 {
        let seq = self.next_seq;
        self.next_seq += 1;
        seq
    }

    /// Writes the tally, and lists the job in the indexes by state and by end as if it were in none.
    pub(super) fn put_afresh(self, draft: &Draft<'_>, job: JobId) {
        let at = self.ended_at.unwrap_or_default();
        Self { ended_at: None, indexed: None, ..self }.put(draft, job, at);
    }

    /// Writes the tally, and moves the job in the indexes by state and by end accordingly; `at` is when it
    /// changed, in milliseconds since 1970.
    pub(super) fn put(mut self, draft: &Draft<'_>, job: JobId, at: u64) {
        let state = self.state();
        if self.indexed != Some(state) {
            let stale = self.indexed.map_or_else(|| STATES.to_vec(), |state| vec![state]);
            for state in stale {
                draft.remove(Keyspace::ByState, by_state(state, job));
            }
            draft.mark(Keyspace::ByState, by_state(state, job));
        }
        if state.is_over() && self.ended_at.is_none() {
            let ended_at = at.max(self.accepted_at);
            self.ended_at = Some(ended_at);
            draft.put(Keyspace::Ended, key::by_time(ended_at, job), record::number(self.bytes));
        }
        draft.put_record(key::of_job(job, &[]), &self);
    }
}

/// Counts bytes that were written for a job at this time.
pub(super) fn add_bytes(draft: &Draft<'_>, job: JobId, bytes: u64, at: u64) -> Result<(), LedgerError> {
    if let Some(mut tally) = Tally::of(draft, job)? {
        tally.add_bytes(bytes);
        tally.put(draft, job, at);
    }
    Ok(())
}

/// Keyspaces with one record for each job.
pub(super) const OF_JOB: [Keyspace; 5] =
    [Keyspace::Jobs, Keyspace::Arguments, Keyspace::Targets, Keyspace::Patience, Keyspace::Mandates];

/// Keyspaces with records for each part or transition of a job.
pub(super) const WITHIN_JOB: [Keyspace; 6] = [
    Keyspace::Parts,
    Keyspace::Outcomes,
    Keyspace::Transitions,
    Keyspace::Cancels,
    Keyspace::GivenUp,
    Keyspace::Later,
];

/// How many bytes the records of a job take.
fn bytes_of(source: &impl Read, job: JobId) -> Result<u64, LedgerError> {
    let mut bytes = 0;
    for space in OF_JOB {
        let key = key::of_job(job, &[]);
        bytes += source.bytes(space, &key)?.map_or(0, |record| key.len() + record.len());
    }
    for space in WITHIN_JOB {
        let rows = source.scan(space, Span::prefix(&job.to_bytes()));
        bytes += rows.map(|(key, record)| key.len() + record.len()).sum::<usize>();
    }
    Ok(bytes as u64)
}

/// All states under which the index by state may list a job.
pub(super) const STATES: [JobState; 4] =
    [JobState::Running, JobState::Partial, JobState::Finished, JobState::RemoteError];

/// A key of the index by state.
pub(super) fn by_state(state: JobState, job: JobId) -> Vec<u8> {
    [&[state.code()], job.to_bytes().as_slice()].concat()
}

/// What is known of a part. Where its record is lost, its outcome tells its state.
pub(super) fn part(source: &impl Read, key: &[u8]) -> Result<PartRecord, LedgerError> {
    if let Some(part) = source.record::<PartRecord>(key)? {
        return Ok(part);
    }
    let report = source.record::<StoredReport>(key)?;
    Ok(report.map_or_else(PartRecord::default, |StoredReport(report)| PartRecord {
        minion_job: None,
        state: Some(MinionState::Finished(report.outcome.kind())),
        changed_at: report.ended_at,
    }))
}

/// The number of a transition, with which its key ends.
pub(super) fn seq_of(key: &[u8]) -> Option<u32> {
    let (_, seq) = key::split_job(key)?;
    Some(u32::from_be_bytes(seq.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use wire::message::outcome::{FailureKind, Outcome, Report};

    use super::*;
    use crate::overlord::{JobRecord, OverlordLedger};
    use crate::record::tests::is_stored_as;
    use crate::scratch;
    use crate::write::Durability;

    #[tokio::test]
    async fn a_tally_that_is_lost_is_counted_as_it_was() {
        let folder = crate::scratch::folder();
        let ledger = OverlordLedger::open(folder.path()).expect("opens");
        let job = JobId::from_bytes([1; 16]);
        let record = JobRecord { patience_ms: Some(5), ..scratch::job(job, &["web1", "web2", "web3"]) };
        let begin = record.accepted_at;
        let as_it_was = || {
            let source = ledger.engine().read().expect("opens");
            let kept = Tally::of(&source, job).expect("read").expect("accepted");
            let counted = Tally::recount(&source, job).expect("counted");
            assert_eq!(counted, Some(Tally { indexed: None, ..kept.clone() }));
            kept
        };
        ledger.accept(record, Durability::Written).await.expect("accepted");
        let tally = as_it_was();
        assert_eq!((tally.ok(), tally.failed(3), tally.ended_at), (0, 0, None));
        let web3 = "web3".parse().expect("a name");
        ledger.cancel(job, vec![web3], begin + 1, Durability::Written).await.expect("recorded");
        for (place, minion) in (2..).zip(["web1", "web2", "web3"]) {
            as_it_was();
            let outcome = match minion {
                "web3" => Outcome::failed(FailureKind::Cancelled, "cancelled"),
                _ => Outcome::Ok(None),
            };
            let (minion, at) = (minion.parse().expect("a name"), begin + place);
            let report = Report::without_run(outcome, at);
            ledger.part_ended(job, &minion, None, report, at, Durability::Written).await.expect("recorded");
        }
        let tally = as_it_was();
        assert_eq!((tally.ok(), tally.failed(3), tally.ended_at), (2, 1, Some(begin + 4)));
        // What the job takes is what the budget of finished jobs counts.
        let source = ledger.engine().read().expect("opens");
        let row =
            source.bytes(Keyspace::Ended, &key::by_time(begin + 4, job)).expect("read").expect("listed");
        assert_eq!(record::as_number(&row), tally.bytes);
    }

    #[test]
    fn a_tally_is_stored_as_format_1_has_it() {
        let tally = Tally { open: 2, ok: 3, next_seq: 4, bytes: 5, ended_at: Some(6), ..Tally::new(7, 8) };
        is_stored_as(&tally, "016e9314100701060802030405");
    }
}
