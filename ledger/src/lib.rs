//! The job stores of an overlord and of a minion.
//!
//! All that an overlord asks of its store is listed in [`OverlordLedger`], named by what it means, and has to be awaited:
//! nobody else may depend on the store being on this host. A minion's, [`MinionLedger`], always is, so its reads are
//! plain functions.
//!
//! Today both are a folder that one process has open; the minions of a swarm share one, [`SwarmLedger`]. What has to be on disk, and all of
//! an overlord, is committed by one thread, as one batch of whatever is waiting, so that many share one fsync; the rest by the task
//! that asks for it.
//! What a write sees and does is atomic. Reads see one moment. Records of different
//! kinds never rewrite each other, states only move forward, and a record that cannot be read is set aside and named
//! instead of being fatal.
#![deny(clippy::disallowed_methods, clippy::print_stdout, clippy::print_stderr)]

mod draft;
mod engine;
mod error;
mod format;
mod group_commit;
mod key;
mod keyspace;
mod minion;
mod overlord;
mod quarantine;
mod read;
mod record;
mod reopenable;
mod request;
mod retention;
#[cfg(any(test, feature = "scratch"))]
pub mod scratch;
mod storage;
mod tenant;
mod turn;
mod upgrade;
mod write;

pub use error::LedgerError;
pub use keyspace::Side;
pub use minion::{
    Accepted, Kv, KvError, MAX_KEY, MinionJob, MinionLedger, Precedence, Spent, Swap, SwarmLedger,
};
pub use overlord::{
    Answer, Attempt, Certificates, GiveUp, GlobInvite, HeardFacts, Holding, Invitations, Invite, InviteError,
    Invited, Issued, JobRecord, Made, MinionRecord, OperatorInvite, OperatorInviteError, OperatorRecord,
    OverlordLedger, PartMoved, PartRecord, Renewed, Revocation, SeenKey, Standing, Storage, Tenure,
    WaitingHost,
};
pub use quarantine::SetAside;
pub use reopenable::Commits;
pub use retention::Retention;
pub use storage::{BareStore, Disk};
pub use write::{Changed, Durability};
