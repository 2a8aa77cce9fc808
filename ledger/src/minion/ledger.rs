//! The handles to the ledger of one minion, and to those of many in one store.

use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use wire::digest::Digest;
use wire::name::MinionName;

use crate::draft::Draft;
use crate::engine::Engine;
use crate::error::LedgerError;
use crate::keyspace::{Keyspace, Side};
use crate::quarantine::{self, SetAside};
use crate::read::Read;
use crate::record::Record;
use crate::reopenable::Commits;
use crate::storage::Disk;
use crate::tenant::Tenant;
use crate::write::{Durability, Purpose};

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

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct InstanceId(Digest);

impl Record for InstanceId {
    const SPACE: Keyspace = Keyspace::Instance;
}

impl MinionLedger {
    /// The id of the minion that this ledger belongs to. Where it has none yet, `new` is recorded as its id;
    /// synced.
    pub async fn instance(&self, new: Digest) -> Result<Digest, LedgerError> {
        let write = move |draft: &Draft<'_>| {
            if let Some(InstanceId(id)) = draft.record(KEY)? {
                return Ok(id);
            }
            draft.put_record(KEY.to_vec(), &InstanceId(new));
            Ok(new)
        };
        if let Some(InstanceId(id)) = self.engine.read()?.record(KEY)? {
            return Ok(id);
        }
        self.engine.write(Purpose::Proceed, Durability::Synced, write).await
    }
}

const KEY: &[u8] = b"minion";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::tests::is_stored_as;

    #[test]
    fn an_instance_is_stored_as_format_3_has_it() {
        is_stored_as(
            &InstanceId(Digest::of(b"instance")),
            "01e0717ca65e8c03a94c7835b87dd82c690f9f85c08592ef7433aa141ceaacb36a9f4da434",
        );
    }

    #[tokio::test]
    async fn a_ledger_keeps_its_first_instance() {
        let dir = crate::scratch::folder();
        let ledger = MinionLedger::open(dir.path()).expect("opens");
        let (one, other) = (Digest::of(b"one"), Digest::of(b"other"));
        assert_eq!(ledger.instance(one).await.expect("made"), one);
        ledger.close().await;
        drop(ledger);
        let ledger = MinionLedger::open(dir.path()).expect("opens");
        assert_eq!(ledger.instance(other).await.expect("kept"), one);
    }
}
