//! What is known of one job.

use wire::message::held::Held;
use wire::message::job::{JobId, JobState};
use wire::message::operator::{Asked, History, JobDocument, Part, Target, Transition};
use wire::message::outcome::Report;
use wire::name::MinionName;
use wire::value::arguments::Arguments;

use super::give_up;
use super::ledger::OverlordLedger;
use super::records::{
    Head, JobRecord, PartRecord, StoredArguments, StoredPatience, StoredProgress, StoredReport,
    StoredTransition, Targets,
};
use super::tally::{self, Tally};
use crate::error::LedgerError;
use crate::key::{self, Span};
use crate::read::Read;

impl OverlordLedger {
    /// The job as it was asked for; `None` where it is unknown, purged, or damaged in that part.
    pub fn job(&self, id: JobId) -> Result<Option<JobRecord>, LedgerError> {
        let (source, key) = (self.engine.read()?, key::of_job(id, &[]));
        let Some(head) = source.record::<Head>(&key)? else { return Ok(None) };
        let Some(arguments) = source.record::<StoredArguments>(&key)? else { return Ok(None) };
        let Some(targets) = source.record::<Targets>(&key)? else { return Ok(None) };
        let patience = source.record::<StoredPatience>(&key)?;
        Ok(Some(head.join(id, arguments, targets, patience)))
    }

    /// With what the job was called; `None` where it is unknown, purged, or damaged in that part.
    pub fn arguments(&self, id: JobId) -> Result<Option<Arguments>, LedgerError> {
        let stored = self.engine.read()?.record::<StoredArguments>(&key::of_job(id, &[]))?;
        Ok(stored.map(|StoredArguments(arguments)| arguments))
    }

    /// Where the job is, and when it ended if it did; `None` where it is unknown or purged.
    pub fn state(&self, id: JobId) -> Result<Option<(JobState, Option<u64>)>, LedgerError> {
        let tally = Tally::of(&self.engine.read()?, id)?;
        Ok(tally.map(|tally| (tally.state(), tally.ended_at)))
    }

    /// Where each target's part is, by name; empty where the job is unknown.
    pub fn parts(&self, id: JobId) -> Result<Vec<(MinionName, PartRecord)>, LedgerError> {
        let source = self.engine.read()?;
        let part = |minion: MinionName| {
            let part = tally::part(&source, &part_key(id, &minion))?;
            Ok((minion, part))
        };
        targets(&source, id)?.into_iter().map(part).collect()
    }

    /// How the part of `minion` ended; `None` where it has not, or where that record is damaged.
    pub fn outcome(&self, id: JobId, minion: &MinionName) -> Result<Option<Report>, LedgerError> {
        let report = self.engine.read()?.record::<StoredReport>(&part_key(id, minion))?;
        Ok(report.map(|StoredReport(report)| report))
    }

    /// How each part that is over ended, by name.
    pub fn outcomes(&self, id: JobId) -> Result<Vec<(MinionName, Report)>, LedgerError> {
        let source = self.engine.read()?;
        let rows = source.records::<StoredReport>(Span::prefix(&id.to_bytes()));
        Ok(rows.filter_map(|(key, StoredReport(report))| Some((minion_of(&key)?, report))).collect())
    }

    /// The job's transitions, in the order in which they were recorded.
    pub fn transitions(&self, id: JobId) -> Result<Vec<Transition>, LedgerError> {
        Ok(transitions(&self.engine.read()?, id))
    }

    /// The job's transitions and targets; `None` where it is unknown or purged.
    pub fn history(&self, id: JobId) -> Result<Option<History>, LedgerError> {
        let source = self.engine.read()?;
        if Tally::of(&source, id)?.is_none() {
            return Ok(None);
        }
        let (targets, transitions) = (targets(&source, id)?, transitions(&source, id));
        let given_up = give_up::all_given_up(&source, id)?;
        Ok(Some(History { job: id, targets, transitions, given_up }))
    }

    /// Everything that is known of the job at one moment; `None` where it is unknown or purged.
    pub fn document(&self, id: JobId) -> Result<Option<JobDocument>, LedgerError> {
        Ok(self.document_up_to(id, usize::MAX)?.map(|(document, _)| document))
    }

    /// The same, with as many reports as take so many bytes of memory, and how many are left out.
    ///
    /// The arguments are not in it, as only who knows the method's signature may show them.
    pub fn document_up_to(
        &self,
        id: JobId,
        memory: usize,
    ) -> Result<Option<(JobDocument, usize)>, LedgerError> {
        let source = self.engine.read()?;
        let Some(head) = source.record::<Head>(&key::of_job(id, &[]))? else { return Ok(None) };
        let Some(tally) = Tally::of(&source, id)? else { return Ok(None) };
        let (mut held, mut left_out) = (0_usize, 0);
        let part = |minion: MinionName| {
            let mut part = document_part(&source, id, minion, held < memory)?;
            let later = part.given_up.as_ref().and_then(|given_up| given_up.later.as_ref());
            let reports = part.report.iter().chain(later.map(|later| &later.report));
            held = held.saturating_add(reports.map(Held::held).sum());
            if held >= memory && part.state.is_some_and(|state| state.outcome().is_some()) {
                part.report = None;
                if let Some(given_up) = &mut part.given_up {
                    given_up.later = None;
                }
                left_out += 1;
            }
            Ok::<_, LedgerError>(part)
        };
        let mut targets = targets(&source, id)?;
        // Records of before are in another order.
        targets.sort();
        let parts = targets.into_iter().map(part).collect::<Result<_, _>>()?;
        let patience = source.record::<StoredPatience>(&key::of_job(id, &[]))?;
        let asked = Asked {
            arguments: None,
            dry_run: head.dry_run,
            durable: head.durable,
            timeout_ms: head.timeout_ms,
            queue_until: head.queue_until,
            batch: head.batch,
            max_failures: head.max_failures,
            patience_ms: patience.map(|StoredPatience(patience)| patience),
            rerun_of: head.rerun_of,
        };
        let document = JobDocument {
            job: id,
            state: tally.state(),
            method: head.method,
            operator: head.operator,
            target: Target { exclude: head.exclude, ..Target::of(head.target) },
            accepted_at: head.accepted_at,
            ended_at: tally.ended_at,
            parts,
            asked: Some(asked),
        };
        Ok(Some((document, left_out)))
    }
}

fn document_part(
    source: &impl Read,
    id: JobId,
    minion: MinionName,
    with_report: bool,
) -> Result<Part, LedgerError> {
    let key = part_key(id, &minion);
    let PartRecord { minion_job, state, .. } = tally::part(source, &key)?;
    let progress = source.record::<StoredProgress>(&key)?.map(|StoredProgress(progress)| progress);
    let report = match with_report {
        true => source.record::<StoredReport>(&key)?.map(|StoredReport(report)| report),
        false => None,
    };
    let given_up = give_up::given_up(source, &key, with_report)?;
    Ok(Part { minion, minion_job, state, progress, report, absence: None, given_up })
}

/// The minions that the job goes to; none where that record is lost.
pub(super) fn targets(source: &impl Read, id: JobId) -> Result<Vec<MinionName>, LedgerError> {
    Ok(source.record::<Targets>(&key::of_job(id, &[]))?.unwrap_or_default().0)
}

fn transitions(source: &impl Read, id: JobId) -> Vec<Transition> {
    let rows = source.records::<StoredTransition>(Span::prefix(&id.to_bytes()));
    rows.filter_map(|(key, transition)| Some(transition.at_place(tally::seq_of(&key)?))).collect()
}

/// The key of a part in each keyspace of parts.
pub(super) fn part_key(job: JobId, minion: &MinionName) -> Vec<u8> {
    key::of_job(job, minion.as_str().as_bytes())
}

/// The minion that a part's key ends with.
pub(super) fn minion_of(key: &[u8]) -> Option<MinionName> {
    let (_, minion) = key::split_job(key)?;
    std::str::from_utf8(minion).ok()?.parse().ok()
}
