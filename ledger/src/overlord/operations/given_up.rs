//! Parts that an operator has given up, and what their minions say of them afterwards.

use wire::message::job::{JobId, MinionState};
use wire::message::operator::{GivenUp, Later};
use wire::name::{MinionName, OperatorName};

use super::part::News;
use super::records::{StoredGivenUp, StoredLater, minion_of, part_key};
use super::tally;
use crate::draft::Draft;
use crate::error::LedgerError;
use crate::key::{self, Span};
use crate::keyspace::Keyspace;
use crate::overlord::job::GiveUp;
use crate::read::Read;
use crate::write::Changed;

/// Gives up those of the parts that are not over, and returns the minions whose parts those are.
pub(crate) fn give_up(
    draft: &Draft<'_>,
    job: JobId,
    parts: Vec<GiveUp>,
    operator: &OperatorName,
    at: u64,
) -> Result<Vec<MinionName>, LedgerError> {
    let mut given_up = Vec::new();
    for part in parts {
        let minion = part.minion.clone();
        if give_up_part(draft, job, part, operator, at)? {
            given_up.push(minion);
        }
    }
    Ok(given_up)
}

/// The parts that are given up and of which their minions have said nothing since.
pub(crate) fn unheard(source: &impl Read) -> Vec<(MinionName, JobId)> {
    let rows = source.scan(Keyspace::Unheard, Span::all());
    let part = |key: &[u8]| {
        let job = key::last_job(key)?;
        let name = key.get(..key.len().checked_sub(NAME_END)?)?;
        Some((std::str::from_utf8(name).ok()?.parse().ok()?, job))
    };
    rows.filter_map(|(key, _)| part(&key)).collect()
}

/// Whether the minion's part of the job is given up, and the minion has said nothing of it since.
pub(crate) fn is_unheard(source: &impl Read, job: JobId, minion: &MinionName) -> Result<bool, LedgerError> {
    source.has(Keyspace::Unheard, &key::by_name(minion.as_str(), job))
}

/// How many bytes follow a name in a key of an index by name: a zero byte and the job.
const NAME_END: usize = 1 + 16;

fn give_up_part(
    draft: &Draft<'_>,
    job: JobId,
    part: GiveUp,
    operator: &OperatorName,
    at: u64,
) -> Result<bool, LedgerError> {
    let GiveUp { minion, report, sent } = part;
    if tally::part(draft, &part_key(job, &minion))?.state.and_then(MinionState::outcome).is_some() {
        return Ok(false);
    }
    let state = MinionState::Finished(report.outcome.kind());
    let news = News { job, minion: minion.clone(), minion_job: None, state, at };
    if news.record(draft, Some(report))? == Changed::No {
        return Ok(false);
    }
    let by = StoredGivenUp { operator: operator.clone(), at };
    let bytes = draft.put_record(part_key(job, &minion), &by);
    if sent {
        draft.mark(Keyspace::Unheard, key::by_name(minion.as_str(), job));
    }
    tally::add_bytes(draft, job, bytes, at)?;
    Ok(true)
}

/// That a part was given up; what was said of it later only where that is asked for.
pub(super) fn given_up(
    source: &impl Read,
    key: &[u8],
    with_report: bool,
) -> Result<Option<GivenUp>, LedgerError> {
    let Some(StoredGivenUp { operator, at }) = source.record(key)? else { return Ok(None) };
    let later = if with_report { source.record::<StoredLater>(key)? } else { None };
    let later = later.map(|StoredLater { at, report }| Later { at, report });
    Ok(Some(GivenUp { operator, at, later }))
}

/// All parts of a job that were given up, by name.
pub(super) fn all_given_up(
    source: &impl Read,
    job: JobId,
) -> Result<Vec<(MinionName, GivenUp)>, LedgerError> {
    let rows = source.records::<StoredGivenUp>(Span::prefix(&job.to_bytes()));
    let minions: Vec<MinionName> = rows.filter_map(|(key, _)| minion_of(&key)).collect();
    let part = |minion: MinionName| {
        let given_up = given_up(source, &part_key(job, &minion), true)?;
        Ok(given_up.map(|given_up| (minion, given_up)))
    };
    minions.into_iter().filter_map(|minion| part(minion).transpose()).collect()
}
