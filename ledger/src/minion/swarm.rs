//! One store for the ledgers of many minions.

use std::path::Path;
use std::sync::Arc;

use wire::name::MinionName;

use super::ledger::MinionLedger;
use crate::engine::Engine;
use crate::error::LedgerError;
use crate::keyspace::Side;
use crate::tenant::Tenant;

/// The ledgers of all minions that run in one process: one folder, one writer and one cache for all, in which none sees
/// what is another's.
///
/// The folder is closed when this and the ledgers of all its minions are dropped.
pub struct SwarmLedger {
    engine: Engine,
}

impl SwarmLedger {
    /// Opens the folder `dir`, or makes it. Only one process may have it open.
    ///
    /// # Errors
    /// As [`MinionLedger::open`].
    pub fn open(dir: &Path) -> Result<Self, LedgerError> {
        Ok(Self { engine: Engine::open(dir, Side::Swarm)? })
    }

    /// The ledger of one minion.
    pub fn minion(&self, name: &MinionName) -> MinionLedger {
        MinionLedger { engine: Arc::new(self.engine.of(Tenant::named(name.as_str()))) }
    }

    /// Commits the writes that were asked for and closes the folder. Every later use of any ledger in it fails.
    pub async fn close(&self) {
        self.engine.close().await;
    }
}
