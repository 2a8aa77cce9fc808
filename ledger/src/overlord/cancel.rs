//! Which parts of a job are to stop, on record so that the wish outlives the daemon that was told.

use wire::message::job::{JobId, MinionState};
use wire::name::MinionName;

use super::accept::is_target;
use super::document::{minion_of, part_key};
use super::ledger::OverlordLedger;
use super::records::StoredCancel;
use super::tally::{self, Tally};
use crate::draft::Draft;
use crate::durability::{Durability, Purpose};
use crate::error::LedgerError;
use crate::key::Span;
use crate::read::Read;
use crate::space::Space;

impl OverlordLedger {
    /// Records that these parts of a job are to stop. Says nothing new of a part that is over, or that was to
    /// stop before.
    pub async fn cancel(
        &self,
        job: JobId,
        minions: Vec<MinionName>,
        at: u64,
        durability: Durability,
    ) -> Result<(), LedgerError> {
        self.engine.write(Purpose::Proceed, durability, move |draft| cancel(draft, job, &minions, at)).await
    }

    /// The minions whose parts of the job are to stop, by name, those that are over among them.
    pub fn cancelled(&self, job: JobId) -> Result<Vec<MinionName>, LedgerError> {
        let source = self.engine.read()?;
        let rows = source.records::<StoredCancel>(Span::prefix(&job.to_bytes()));
        Ok(rows.filter_map(|(key, _)| minion_of(&key)).collect())
    }
}

fn cancel(draft: &Draft<'_>, job: JobId, minions: &[MinionName], at: u64) -> Result<(), LedgerError> {
    let Some(mut tally) = Tally::of(draft, job)? else { return Ok(()) };
    for minion in minions {
        let key = part_key(job, minion);
        let is_over = tally::part(draft, &key)?.state.and_then(MinionState::outcome).is_some();
        let is_known = draft.has(Space::Cancels, &key)?;
        if !is_over && !is_known && is_target(draft, job, minion.as_str())? {
            tally.add_bytes(draft.put_record(key, &StoredCancel { at }));
        }
    }
    tally.put(draft, job, at);
    Ok(())
}
