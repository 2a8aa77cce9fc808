//! The job stores of an overlord and of a minion.
//!
//! Both are a folder that one process has open. Writes are futures: one thread commits whatever is waiting
//! as one batch, so many of them share one fsync, and what a write sees and does is atomic. Reads are plain
//! functions that see one moment. Records of different kinds never rewrite each other, states only move
//! forward, and a record that cannot be read is set aside and named instead of being fatal.
#![deny(clippy::disallowed_methods, clippy::print_stdout, clippy::print_stderr)]

mod audit;
mod changed;
mod commit;
mod draft;
mod durability;
mod engine;
mod error;
mod format;
mod key;
mod minion;
mod overlord;
mod quarantine;
mod read;
mod record;
mod retention;
mod slot;
mod space;
mod storage;
mod upgrade;

pub use audit::{AuditError, AuditLog, Rotation, Verified, audit_files};
pub use changed::Changed;
pub use durability::Durability;
pub use error::LedgerError;
pub use format::Side;
pub use minion::{Accepted, Kv, KvError, MAX_KEY, MinionJob, MinionLedger, Swap};
pub use overlord::{
    Attempt, GiveUp, HeardFacts, Invite, InviteError, JobRecord, MinionRecord, OverlordLedger, PartRecord,
    Standing, Tenure,
};
pub use quarantine::SetAside;
pub use retention::Retention;
pub use slot::Commits;
pub use storage::Disk;
