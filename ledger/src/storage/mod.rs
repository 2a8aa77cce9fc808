//! The database under a ledger. Nothing outside this folder names it.
//!
//! # One version of the database, and no other
//!
//! The workspace asks for exactly one version of fjall, because three things here depend on what it promises to nobody.
//! `journal` and `batch` read and mend its journals before it does: by itself, it refuses a folder, or forgets what
//! follows, for one wrong byte. `unfinished_folder` knows which files it makes, and which of them last. `memtables` knows
//! by whom its workers are asked for what.
//!
//! So whoever takes another version compares `src/journal/`, `src/db.rs` and `src/worker_pool.rs` of both. If they write
//! the same, the tests here and in `ledger/tests/ledger/damage.rs` pass as they are: they let the database write journals with all kinds of
//! entries, damage and mend them, and let it read what is left. If not, [`batch`] has to know both forms, since folders
//! of the version before are out there.

mod bare;
mod batch;
mod changes;
mod failure;
mod folder;
mod journal;
mod memtables;
mod room;
mod scan;
mod stale_indexes;
mod store;
mod unfinished_folder;

pub use bare::BareStore;
pub(crate) use changes::{Bytes, Changes, MAX_KEY, Scan};
pub use room::Disk;
pub(crate) use room::{Room, RoomGauge};
pub(crate) use store::{Snapshot, Store, Uncommitted};
