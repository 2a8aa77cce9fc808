//! The handle to a minion's ledger.

use std::path::Path;
use std::sync::Arc;

use crate::engine::Engine;
use crate::error::LedgerError;
use crate::keyspace::Side;
use crate::quarantine::{self, SetAside};
use crate::reopenable::Commits;
use crate::storage::Disk;

/// A minion's ledger: the jobs that it was asked to run, how they ended, and what its modules keep.
///
/// Reads are synchronous and short, and each sees one moment. Writes are futures that are ready once they are as
/// durable as asked. All fail with a [`LedgerError`] that says what to do about it, and then nothing was changed.
/// What is damaged counts as absent, and is set aside.
///
/// A cheap handle; the folder is closed when the last one is dropped.
#[derive(Clone)]
pub struct MinionLedger {
    pub(super) engine: Arc<Engine>,
}

impl MinionLedger {
    /// Opens the ledger in the folder `dir`, or makes it there. Only one process may have it open.
    ///
    /// Blocks for as long as it takes to read what was written last.
    ///
    /// # Errors
    /// [`LedgerError::Locked`] where another process has it open, [`LedgerError::WrongSide`] where it is an
    /// overlord's, [`LedgerError::Newer`] where a newer version wrote it, and [`LedgerError::Damaged`],
    /// [`LedgerError::ReadOnly`] or [`LedgerError::Io`] where it cannot be used.
    pub fn open(dir: &Path) -> Result<Self, LedgerError> {
        Ok(Self { engine: Arc::new(Engine::open(dir, Side::Minion)?) })
    }

    /// Commits the writes that were asked for and closes the folder. Every later use of any handle fails.
    ///
    /// That of a minion of a swarm only sees its writes to the disk: the others go on.
    pub async fn close(&self) {
        self.engine.close().await;
    }

    /// The folder of the ledger.
    pub fn path(&self) -> &Path {
        self.engine.path()
    }

    /// How many bytes the folder takes on disk.
    pub fn disk_bytes(&self) -> Result<u64, LedgerError> {
        self.engine.size()
    }

    /// How full the disk of the folder is at this moment.
    pub fn disk(&self) -> Disk {
        self.engine.disk()
    }

    /// What was written since the ledger was opened, and in how many batches.
    pub fn commits(&self) -> Commits {
        self.engine.commits()
    }

    /// Up to `limit` records that could not be read and were set aside.
    pub fn set_aside(&self, limit: usize) -> Result<Vec<SetAside>, LedgerError> {
        Ok(quarantine::list(&self.engine.read()?, limit))
    }
}
