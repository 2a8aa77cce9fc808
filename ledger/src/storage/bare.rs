//! A database with nothing of ours in it: what a write and a read cost at best.

use std::path::{Path, PathBuf};

use fjall::{CompressionType, Database, Keyspace, PersistMode};

use super::failure::{classify, from_io};
use super::memtables::{self, WORKERS};
use super::store::{CACHE, JOURNALS, keyspace_options, open_files};
use crate::error::LedgerError;
use crate::keyspace::Side;
use crate::write::Durability;

/// A bare database of keys and values, set up as an overlord's ledger is. Measurements have it as their floor.
pub struct BareStore {
    path: PathBuf,
    database: Database,
    records: Keyspace,
}

impl BareStore {
    /// Makes one in this folder, which must not be that of a ledger.
    ///
    /// # Errors
    /// [`LedgerError::Io`] and others, where the folder cannot be used.
    pub fn open(path: &Path) -> Result<Self, LedgerError> {
        std::fs::create_dir_all(path).map_err(|error| from_io(path, &error))?;
        let database = Database::builder(path)
            .cache_size(CACHE)
            .max_journaling_size(JOURNALS)
            .journal_compression(CompressionType::None)
            .max_cached_files(Some(open_files(Side::Overlord)))
            .worker_threads(WORKERS)
            .open()
            .map_err(|error| classify(path, &error))?;
        let records =
            database.keyspace("records", keyspace_options).map_err(|error| classify(path, &error))?;
        Ok(Self { path: path.to_owned(), database, records })
    }

    /// Writes these records as one batch.
    ///
    /// # Errors
    /// [`LedgerError`], where they are not written.
    pub fn write(
        &self,
        records: impl IntoIterator<Item = ([u8; 16], Vec<u8>)>,
        durability: Durability,
    ) -> Result<(), LedgerError> {
        let mode = match durability {
            Durability::Written => PersistMode::Buffer,
            Durability::Synced => PersistMode::SyncAll,
        };
        let mut batch = self.database.batch().durability(Some(mode));
        for (key, value) in records {
            batch.insert(&self.records, key, value);
        }
        batch.commit().map_err(|error| classify(&self.path, &error))?;
        memtables::rotate_if_full(&self.records);
        Ok(())
    }

    /// How many bytes the value of a key has; `None` where there is none.
    ///
    /// # Errors
    /// [`LedgerError`], where it cannot be read.
    pub fn look_up(&self, key: [u8; 16]) -> Result<Option<usize>, LedgerError> {
        let found = self.records.get(key).map_err(|error| classify(&self.path, &error))?;
        Ok(found.map(|value| value.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_found_again_also_after_opening() {
        let folder = crate::scratch::folder();
        let path = folder.path().join("bare");
        let store = BareStore::open(&path).expect("made");
        store.write([([1; 16], vec![0; 10]), ([2; 16], vec![0; 20])], Durability::Synced).expect("written");
        assert_eq!(store.look_up([2; 16]), Ok(Some(20)));
        drop(store);
        let store = BareStore::open(&path).expect("opened");
        assert_eq!((store.look_up([1; 16]), store.look_up([3; 16])), (Ok(Some(10)), Ok(None)));
    }
}
