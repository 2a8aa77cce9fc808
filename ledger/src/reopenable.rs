//! The store of a ledger, which its writer can close and open again while others read.

use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{RwLock, RwLockReadGuard};

use crate::draft::Draft;
use crate::error::LedgerError;
use crate::keyspace::Side;
use crate::minion;
use crate::overlord;
use crate::storage::Store;
use crate::tenant::Tenant;
use crate::upgrade::upgrade;
use crate::write::Durability;
use machine::lock;

/// What a ledger has written since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Commits {
    /// How many writes were asked for.
    pub writes: u64,
    /// How many batches they were committed in.
    pub batches: u64,
}

/// A store, or the reason why it is not open. Readers share it; only the writer closes and opens it again.
pub(crate) struct Reopenable {
    path: PathBuf,
    side: Side,
    content: RwLock<Result<Store, LedgerError>>,
    writes: AtomicU64,
    batches: AtomicU64,
}

impl Reopenable {
    /// Opens the folder of `side`.
    pub(crate) fn open(path: &Path, side: Side) -> Result<Self, LedgerError> {
        let store = open(path, side)?;
        Ok(Self {
            path: path.to_owned(),
            side,
            content: RwLock::new(Ok(store)),
            writes: AtomicU64::new(0),
            batches: AtomicU64::new(0),
        })
    }

    /// The folder of the store.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The store, kept open for as long as the guard lives.
    ///
    /// # Errors
    /// The reason why it is not open.
    pub(crate) fn store(&self) -> Result<StoreGuard<'_>, LedgerError> {
        let guard = lock::read(&self.content);
        match &*guard {
            Ok(_) => Ok(StoreGuard(guard)),
            Err(error) => Err(error.clone()),
        }
    }

    /// Whether the store is open.
    pub(crate) fn is_open(&self) -> bool {
        self.store().is_ok()
    }

    /// Closes the store, which nobody opens again.
    pub(crate) fn close(&self) {
        *lock::write(&self.content) = Err(self.closed());
    }

    /// Closes the store and opens it again; others may use it once `prepare` has succeeded on it.
    pub(crate) fn reopen(
        &self,
        prepare: impl FnOnce(&Store) -> Result<(), LedgerError>,
    ) -> Result<(), LedgerError> {
        let mut content = lock::write(&self.content);
        // The old store must be gone before the new one can lock the folder.
        *content = Err(self.closed());
        *content = open(&self.path, self.side).and_then(|store| prepare(&store).map(|()| store));
        content.as_ref().map(|_| ()).map_err(Clone::clone)
    }

    /// Counts a batch of so many writes.
    pub(crate) fn count(&self, writes: u64) {
        self.writes.fetch_add(writes, Ordering::Relaxed);
        self.batches.fetch_add(1, Ordering::Relaxed);
    }

    /// The counts so far.
    pub(crate) fn commits(&self) -> Commits {
        Commits { writes: self.writes.load(Ordering::Relaxed), batches: self.batches.load(Ordering::Relaxed) }
    }

    /// The error of a ledger that is closed.
    pub(crate) fn closed(&self) -> LedgerError {
        LedgerError::Closed { path: self.path.clone() }
    }

    /// The error of a ledger on a full disk.
    pub(crate) fn full(&self) -> LedgerError {
        LedgerError::DiskFull { path: self.path.clone() }
    }
}

/// Opens a folder, brings it up to the current format, and makes its indexes anew where it had to be mended.
fn open(path: &Path, side: Side) -> Result<Store, LedgerError> {
    let store = Store::open(path, side)?;
    upgrade(&store, side)?;
    if store.is_stale() {
        let draft = Draft::new(&store);
        for tenant in Tenant::all_in(&store, side)? {
            draft.apply_as(&tenant, |draft| match side {
                Side::Overlord => overlord::reindex(draft),
                Side::Minion | Side::Swarm => minion::reindex(draft),
            })?;
        }
        store.commit(&draft.into_changes(), Durability::Synced).map_err(|refused| refused.error)?;
        store.mark_fresh()?;
    }
    Ok(store)
}

/// A store that cannot be closed while this lives.
pub(crate) struct StoreGuard<'a>(RwLockReadGuard<'a, Result<Store, LedgerError>>);

impl Deref for StoreGuard<'_> {
    type Target = Store;

    fn deref(&self) -> &Store {
        self.0.as_ref().expect("a guard is only made of a slot that holds a store")
    }
}
