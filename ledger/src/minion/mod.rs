//! The ledger of a minion: its own jobs, and what its modules keep.

mod accept;
mod acknowledge;
mod finish;
mod instance;
mod kv;
mod ledger;
mod list;
mod mandates;
mod records;
mod reindex;
mod swarm;

pub(crate) use reindex::reindex;

pub use accept::Accepted;
pub use kv::{Kv, KvError, MAX_KEY, Swap};
pub use ledger::MinionLedger;
pub use mandates::{Precedence, Spent};
pub use records::MinionJob;
pub use swarm::SwarmLedger;
