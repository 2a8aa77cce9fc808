//! Which parts of a job are to stop, on record so that the wish outlives the daemon that was told.

use wire::message::job::{JobId, MinionState};
use wire::name::MinionName;

use super::job::is_target;
use super::records::{StoredCancel, minion_of, part_key};
use super::tally::{self, Tally};
use crate::draft::Draft;
use crate::error::LedgerError;
use crate::key::Span;
use crate::keyspace::Keyspace;
use crate::read::Read;

/// Records that these parts are to stop. A part that is over, or was to stop before, stays as it is.
pub(crate) fn cancel(
    draft: &Draft<'_>,
    job: JobId,
    minions: &[MinionName],
    at: u64,
) -> Result<(), LedgerError> {
    let Some(mut tally) = Tally::of(draft, job)? else { return Ok(()) };
    for minion in minions {
        let key = part_key(job, minion);
        let is_over = tally::part(draft, &key)?.state.and_then(MinionState::outcome).is_some();
        let is_known = draft.has(Keyspace::Cancels, &key)?;
        if !is_over && !is_known && is_target(draft, job, minion.as_str())? {
            tally.add_bytes(draft.put_record(key, &StoredCancel { at }));
        }
    }
    tally.put(draft, job, at);
    Ok(())
}

/// The minions whose parts of the job are to stop, by name, those that are over among them.
pub(crate) fn cancelled(source: &impl Read, job: JobId) -> Vec<MinionName> {
    let rows = source.records::<StoredCancel>(Span::prefix(&job.to_bytes()));
    rows.filter_map(|(key, _)| minion_of(&key)).collect()
}
