//! The database under a ledger. Nothing outside this folder names it.

mod batch;
mod failure;
mod folder;
mod journal;
mod room;
mod scan;
mod store;
mod unborn;

pub use room::Disk;
pub(crate) use room::Room;
pub(crate) use store::{Bytes, Changes, MAX_KEY, Refused, Scan, Snapshot, Store};
