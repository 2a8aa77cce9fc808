//! The ledger of a minion: its own jobs, and what its modules keep.

mod jobs;
mod kv;
mod ledger;
mod mandates;
mod records;
mod reindex;

pub(crate) use reindex::reindex;

pub use jobs::Accepted;
pub use kv::{Kv, KvError, MAX_KEY, Swap};
pub use ledger::{MinionLedger, SwarmLedger};
pub use mandates::{Precedence, Spent};
pub use records::MinionJob;
