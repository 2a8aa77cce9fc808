//! The ledger of an overlord: its jobs, and the minions that it knows.

mod accept;
mod assignments;
mod cancel;
mod catalogue;
mod cursor;
mod document;
mod facts;
mod give_up;
mod invite;
mod ledger;
mod list;
mod minions;
mod part;
mod purge;
mod records;
mod reindex;
mod tally;
mod tenures;

pub(crate) use minions::Modules;
pub(crate) use reindex::reindex;

pub use assignments::Attempt;
pub use facts::HeardFacts;
pub use give_up::GiveUp;
pub use invite::{Invite, InviteError};
pub use ledger::OverlordLedger;
pub use minions::{MinionRecord, Standing};
pub use records::{JobRecord, PartRecord};
pub use tenures::Tenure;
