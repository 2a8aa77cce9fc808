//! What is known of one job: its parts, its transitions, and the document of both.

use std::collections::HashSet;

use wire::memory::Held;
use wire::message::job::JobId;
use wire::message::operator::{Asked, History, JobDocument, Part, Target};
use wire::message::outcome::Report;
use wire::name::MinionName;

use super::given_up;
use super::records::{Head, StoredMandate, StoredPatience, StoredReport, Targets, minion_of, part_key};
use super::tally::{self, Tally};
use super::transition;
use crate::error::LedgerError;
use crate::key::{self, Span};
use crate::overlord::job::PartRecord;
use crate::read::Read;

/// The state of each target's part, by name.
pub(crate) fn parts(source: &impl Read, id: JobId) -> Result<Vec<(MinionName, PartRecord)>, LedgerError> {
    let part = |minion: MinionName| {
        let part = tally::part(source, &part_key(id, &minion))?;
        Ok((minion, part))
    };
    targets(source, id)?.into_iter().map(part).collect()
}

/// How the part of `minion` ended.
pub(crate) fn outcome(
    source: &impl Read,
    id: JobId,
    minion: &MinionName,
) -> Result<Option<Report>, LedgerError> {
    let report = source.record::<StoredReport>(&part_key(id, minion))?;
    Ok(report.map(|StoredReport(report)| report))
}

/// How each part that is over ended, by name.
pub(crate) fn outcomes(source: &impl Read, id: JobId) -> Vec<(MinionName, Report)> {
    let rows = source.records::<StoredReport>(Span::prefix(&id.to_bytes()));
    rows.filter_map(|(key, StoredReport(report))| Some((minion_of(&key)?, report))).collect()
}

/// The job's transitions and targets.
pub(crate) fn history(source: &impl Read, id: JobId) -> Result<Option<History>, LedgerError> {
    if Tally::of(source, id)?.is_none() {
        return Ok(None);
    }
    let (targets, transitions) = (targets(source, id)?, transition::all(source, id));
    let given_up = given_up::all_given_up(source, id)?;
    Ok(Some(History { job: id, targets, transitions, given_up }))
}

/// Everything that is known of the job at one moment, with as many reports as take so many bytes of memory, and
/// how many were left out. Without those of minions that are `told` of already.
///
/// The arguments are not in it, since only code that knows the method's signature may show them.
pub(crate) fn up_to(
    source: &impl Read,
    id: JobId,
    memory: usize,
    told: &HashSet<MinionName>,
) -> Result<Option<(JobDocument, usize)>, LedgerError> {
    let Some(head) = source.record::<Head>(&key::of_job(id, &[]))? else { return Ok(None) };
    let Some(tally) = Tally::of(source, id)? else { return Ok(None) };
    let (mut held, mut left_out) = (0_usize, 0);
    let part = |minion: MinionName| {
        let is_told = told.contains(&minion);
        let reports = match held < memory {
            true if is_told => Reports::Later,
            true => Reports::All,
            false => Reports::None,
        };
        let mut part = document_part(source, id, minion, reports)?;
        let later = part.given_up.as_ref().and_then(|given_up| given_up.later.as_ref());
        let reports = part.report.iter().chain(later.map(|later| &later.report));
        held = held.saturating_add(reports.map(Held::held).sum());
        if !is_told && held >= memory && part.state.is_some_and(|state| state.outcome().is_some()) {
            part.report = None;
            if let Some(given_up) = &mut part.given_up {
                given_up.later = None;
            }
            left_out += 1;
        }
        Ok::<_, LedgerError>(part)
    };
    let mut targets = targets(source, id)?;
    // Records that older versions wrote are in another order.
    targets.sort();
    let parts = targets.into_iter().map(part).collect::<Result<_, _>>()?;
    let patience = source.record::<StoredPatience>(&key::of_job(id, &[]))?;
    let mandate = source.record::<StoredMandate>(&key::of_job(id, &[]))?;
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
        signer: mandate.map(|StoredMandate(mandate)| mandate.signer()),
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

/// Which reports of a part a document has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reports {
    /// All that there are.
    All,
    /// What its minion said of it after it was given up, alone.
    Later,
    /// None.
    None,
}

fn document_part(
    source: &impl Read,
    id: JobId,
    minion: MinionName,
    reports: Reports,
) -> Result<Part, LedgerError> {
    let key = part_key(id, &minion);
    let PartRecord { minion_job, state, .. } = tally::part(source, &key)?;
    let report = match reports {
        Reports::All => source.record::<StoredReport>(&key)?.map(|StoredReport(report)| report),
        Reports::Later | Reports::None => None,
    };
    let given_up = given_up::given_up(source, &key, reports != Reports::None)?;
    Ok(Part { minion, minion_job, state, progress: None, report, absence: None, given_up })
}

/// The minions that the job goes to; none where that record is lost.
pub(super) fn targets(source: &impl Read, id: JobId) -> Result<Vec<MinionName>, LedgerError> {
    Ok(source.record::<Targets>(&key::of_job(id, &[]))?.unwrap_or_default().0)
}
