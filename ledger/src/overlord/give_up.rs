//! Parts that an operator has given up, and what their minions say of them afterwards.

use wire::message::job::{JobId, MinionState};
use wire::message::operator::{GivenUp, Later};
use wire::message::outcome::Report;
use wire::name::{MinionName, OperatorName};

use super::document::{minion_of, part_key};
use super::ledger::OverlordLedger;
use super::part::News;
use super::records::{StoredGivenUp, StoredLater};
use super::tally::{self, Tally};
use crate::changed::Changed;
use crate::draft::Draft;
use crate::durability::{Durability, Purpose};
use crate::error::LedgerError;
use crate::key::{self, Span};
use crate::read::Read;
use crate::space::Space;

/// A part that is to be given up.
#[derive(Clone, Debug, PartialEq)]
pub struct GiveUp {
    /// Whose part.
    pub minion: MinionName,
    /// The outcome that it gets.
    pub report: Report,
    /// Whether its minion may have it, and may therefore say something of it later.
    pub sent: bool,
}

impl OverlordLedger {
    /// Gives parts of a job up: records their outcomes, and by whom they were given up, all or nothing. Gives the
    /// minions where that was so; a part that is over keeps its outcome.
    pub async fn give_up(
        &self,
        job: JobId,
        parts: Vec<GiveUp>,
        operator: OperatorName,
        at: u64,
        durability: Durability,
    ) -> Result<Vec<MinionName>, LedgerError> {
        let write = move |draft: &Draft<'_>| {
            let mut given_up = Vec::new();
            for part in parts {
                let minion = part.minion.clone();
                if give_up(draft, job, part, &operator, at)? {
                    given_up.push(minion);
                }
            }
            Ok(given_up)
        };
        self.engine.write(Purpose::Proceed, durability, write).await
    }

    /// The parts that are given up and of which their minions have said nothing since.
    pub fn unheard(&self) -> Result<Vec<(MinionName, JobId)>, LedgerError> {
        let source = self.engine.read()?;
        let rows = source.scan(Space::Unheard, Span::all());
        let part = |key: &[u8]| {
            let job = key::last_job(key)?;
            let name = key.get(..key.len().checked_sub(NAME_END)?)?;
            Some((std::str::from_utf8(name).ok()?.parse().ok()?, job))
        };
        Ok(rows.filter_map(|(key, _)| part(&key)).collect())
    }

    /// Whether the minion's part of the job is one of those.
    pub fn is_unheard(&self, job: JobId, minion: &MinionName) -> Result<bool, LedgerError> {
        self.engine.read()?.has(Space::Unheard, &key::by_name(minion.as_str(), job))
    }
}

/// What follows a name in a key of an index by name: a zero byte and the job.
const NAME_END: usize = 1 + 16;

fn give_up(
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
        draft.mark(Space::Unheard, key::by_name(minion.as_str(), job));
    }
    add_bytes(draft, job, bytes, at)?;
    Ok(true)
}

/// Records what a minion says of a part that was given up, once. Nothing where it was not.
pub(super) fn hear(
    draft: &Draft<'_>,
    job: JobId,
    minion: &MinionName,
    report: Report,
    at: u64,
) -> Result<(), LedgerError> {
    let unheard = key::by_name(minion.as_str(), job);
    if !draft.has(Space::Unheard, &unheard)? {
        return Ok(());
    }
    draft.remove(Space::Unheard, unheard);
    let bytes = draft.put_record(part_key(job, minion), &StoredLater { at, report });
    add_bytes(draft, job, bytes, at)
}

fn add_bytes(draft: &Draft<'_>, job: JobId, bytes: u64, at: u64) -> Result<(), LedgerError> {
    if let Some(mut tally) = Tally::of(draft, job)? {
        tally.add_bytes(bytes);
        tally.put(draft, job, at);
    }
    Ok(())
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
