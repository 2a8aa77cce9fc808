//! One open database with its keyspaces.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use fjall::compaction::Leveled;
use fjall::config::PartitioningPolicy;
use fjall::{CompressionType, Database, KeyspaceCreateOptions, KvSeparationOptions, PersistMode, Readable};
use machine::descriptors;

use super::changes::{Bytes, Changes, MAX_KEY, Scan};
use super::failure::{classify, from_io};
use super::memtables::{self, WORKERS};
use super::scan::Rows;
use super::{folder, stale_indexes};
use crate::error::LedgerError;
use crate::format::{self, Format};
use crate::key::Span;
use crate::keyspace::{Keyspace, Side};
use crate::record::{self, Record};
use crate::write::Durability;

/// Bounds of memory and files, for a daemon that should be small: an idle one holds next to nothing.
pub(super) const CACHE: u64 = 8 << 20;
pub(super) const JOURNALS: u64 = 64 << 20;
/// How many files are kept open at the least, and at the most.
const FEW_FILES: usize = 256;
const MANY_FILES: usize = 8192;
/// How large a table is that a compaction writes, in bytes.
const TABLE: u64 = 8 << 20;
/// From how many bytes on a value is kept beside the tables.
const LARGE_VALUE: u32 = 16 << 10;

/// The number of the last batch, by which a failed one is told from one that reached the disk after all.
const BATCH: &[u8] = b"batch";

/// A batch that was not committed.
#[derive(Debug)]
pub(crate) struct Uncommitted {
    /// Why it was not.
    pub(crate) error: LedgerError,
    /// Whether the database had given up before it looked at this batch, so that another batch may succeed after
    /// opening.
    pub(crate) untouched: bool,
}

/// An open database. Only one may be open on a folder.
pub(crate) struct Store {
    path: PathBuf,
    database: Database,
    keyspaces: BTreeMap<Keyspace, fjall::Keyspace>,
    /// Whether the indexes were marked as stale, or made afresh, since the folder was opened.
    marked: AtomicBool,
}

/// How many files the database of a side keeps open. That of an overlord has some 300 with each million of jobs, and whatever is
/// looked up in one that is closed takes five times as long; a minion needs its descriptors for its guests.
pub(super) fn open_files(side: Side) -> usize {
    match side {
        Side::Overlord => {
            usize::try_from(descriptors::limit() / 2).unwrap_or(MANY_FILES).clamp(FEW_FILES, MANY_FILES)
        }
        Side::Minion | Side::Swarm => FEW_FILES,
    }
}

/// How all keyspaces are made.
///
/// A compaction holds up whatever waits to be written into tables. In a ledger of some millions of jobs on a busy host, one took
/// up to eleven seconds with tables of 64 MiB, which is the database's own size, and less than one with those of [`TABLE`] bytes.
///
/// A table of small records has many of them once it was compacted: its filter and its index are in pieces, or a look-up would
/// read much of them each time that the cache has no room for that. A keyspace that was made otherwise stays as it was.
pub(super) fn keyspace_options() -> KeyspaceCreateOptions {
    // The tables of the first level have no more than a memtable.
    let in_pieces = || PartitioningPolicy::new([false, true]);
    KeyspaceCreateOptions::default()
        .compaction_strategy(Arc::new(Leveled::default().with_table_target_size(TABLE)))
        .filter_block_partitioning_policy(in_pieces())
        .index_block_partitioning_policy(in_pieces())
}

/// How a keyspace keeps values that may be large: beside its tables, so that neither a compaction nor a look at keys reads them,
/// and so that no compaction holds a tableful of them in memory. A keyspace that was made without it stays without.
fn large_values() -> KvSeparationOptions {
    KvSeparationOptions::default().separation_threshold(LARGE_VALUE)
}

impl Store {
    /// Opens the folder, or makes it.
    ///
    /// Fails where it is locked, is not `side`'s, has a format of the future, or cannot be read. One of an
    /// older format is opened as it is.
    pub(crate) fn open(path: &Path, side: Side) -> Result<Self, LedgerError> {
        folder::prepare(path).map_err(|error| from_io(path, &error))?;
        let database = Database::builder(path)
            .cache_size(CACHE)
            .max_journaling_size(JOURNALS)
            // Uncompressed, a damaged value stays one value: see how journals are mended.
            .journal_compression(CompressionType::None)
            .max_cached_files(Some(open_files(side)))
            .worker_threads(WORKERS)
            .open()
            .map_err(|error| classify(path, &error))?;
        let mut store = Self {
            path: path.to_owned(),
            database,
            keyspaces: BTreeMap::new(),
            marked: AtomicBool::new(stale_indexes::is_marked(path)),
        };
        store.add(Keyspace::Meta)?;
        let format = store.format(format::KEYS)?;
        if let Some(format) = format {
            format.check(path, side)?;
        }
        for space in side.spaces() {
            store.add(*space)?;
        }
        if format.is_none() {
            let marks = Format::current(side).put(format::KEYS);
            store.commit(&marks, Durability::Synced).map_err(|refused| refused.error)?;
        }
        Ok(store)
    }

    /// The format that is recorded under `keys`, or `None` where none is: the folder is new, or not being
    /// upgraded.
    pub(crate) fn format(&self, keys: format::Keys) -> Result<Option<Format>, LedgerError> {
        let mut found = false;
        for key in keys {
            let bytes = self.get(Keyspace::Meta, key)?;
            found |= bytes.is_some();
            if let Some(format) = bytes.and_then(|bytes| Format::decode(key, &bytes)) {
                return Ok(Some(format));
            }
        }
        if found {
            let cause = "the record of its format cannot be read".to_owned();
            return Err(LedgerError::Damaged { path: self.path.clone(), cause });
        }
        Ok(None)
    }

    fn add(&mut self, space: Keyspace) -> Result<(), LedgerError> {
        let options = || keyspace_options().with_kv_separation(space.has_large_values().then(large_values));
        let keyspace = self.database.keyspace(space.name(), options).map_err(|error| self.failed(&error))?;
        self.keyspaces.insert(space, keyspace);
        Ok(())
    }

    /// The folder.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether damage was found, so that the indexes may not fit the records.
    pub(crate) fn is_stale(&self) -> bool {
        stale_indexes::is_marked(&self.path)
    }

    /// Takes note that the indexes fit the records again.
    pub(crate) fn mark_fresh(&self) -> Result<(), LedgerError> {
        stale_indexes::unmark(&self.path).map_err(|error| from_io(&self.path, &error))
    }

    /// How many bytes the folder takes on disk.
    pub(crate) fn size(&self) -> Result<u64, LedgerError> {
        self.database.disk_space().map_err(|error| self.failed(&error))
    }

    /// The value of a key. A value that cannot be read counts as absent, and the log says so.
    pub(crate) fn get(&self, space: Keyspace, key: &[u8]) -> Result<Option<Bytes>, LedgerError> {
        if key.len() > MAX_KEY {
            return Ok(None);
        }
        self.sound(space, self.keyspace(space).get(key))
    }

    /// The keys of a span and their values. Those that cannot be read are passed over, and the log says so.
    pub(crate) fn scan(&self, space: Keyspace, span: Span) -> Scan<'_> {
        self.scan_in(&self.snapshot(), space, span)
    }

    /// A view that later commits do not change.
    pub(crate) fn snapshot(&self) -> Snapshot {
        Snapshot(self.database.snapshot())
    }

    /// The value of a key in a view.
    pub(crate) fn get_in(
        &self,
        snapshot: &Snapshot,
        space: Keyspace,
        key: &[u8],
    ) -> Result<Option<Bytes>, LedgerError> {
        if key.len() > MAX_KEY {
            return Ok(None);
        }
        self.sound(space, snapshot.0.get(self.keyspace(space), key))
    }

    /// Like [`Store::scan`], of a view.
    pub(crate) fn scan_in(&self, snapshot: &Snapshot, space: Keyspace, span: Span) -> Scan<'_> {
        let broken = move |error: &fjall::Error| self.lost(space, &self.failed(error));
        Box::new(Rows::new(self.keyspace(space), snapshot.0.clone(), span, broken))
    }

    /// Applies all changes or none, and numbers the batch.
    ///
    /// After a failure that touched the batch, the store takes no more writes: it must be opened again.
    pub(crate) fn commit(&self, changes: &Changes, durability: Durability) -> Result<(), Uncommitted> {
        let refused = |error: &fjall::Error| Uncommitted {
            error: self.failed(error),
            untouched: matches!(error, fjall::Error::Poisoned),
        };
        let mode = match durability {
            Durability::Written => PersistMode::Buffer,
            Durability::Synced => PersistMode::SyncAll,
        };
        if changes.is_empty() {
            return match durability {
                Durability::Written => Ok(()),
                Durability::Synced => self.database.persist(mode).map_err(|error| refused(&error)),
            };
        }
        let number = self.batch().map_err(|error| Uncommitted { error, untouched: false })?.wrapping_add(1);
        let mut batch = self.database.batch().durability(Some(mode));
        for ((space, key), value) in changes {
            match value {
                Some(value) => batch.insert(self.keyspace(*space), key.as_slice(), value.clone()),
                None => batch.remove(self.keyspace(*space), key.as_slice()),
            }
        }
        batch.insert(self.keyspace(Keyspace::Meta), BATCH, record::number(number));
        batch.commit().map_err(|error| refused(&error))?;
        self.keyspaces.values().for_each(memtables::rotate_if_full);
        Ok(())
    }

    /// The number of the last batch.
    pub(crate) fn batch(&self) -> Result<u64, LedgerError> {
        Ok(self.get(Keyspace::Meta, BATCH)?.map_or(0, |bytes| record::as_number(&bytes)))
    }

    fn keyspace(&self, space: Keyspace) -> &fjall::Keyspace {
        self.keyspaces.get(&space).expect("each side reads and writes only the keyspaces that it opened")
    }

    /// Says in the log what cannot be read, and makes the next opening of the folder make the indexes anew.
    fn lost(&self, space: Keyspace, error: &LedgerError) {
        tracing::warn!(keyspace = space.name(), %error, "passed over records that cannot be read");
        if self.marked.swap(true, Ordering::Relaxed) {
            return;
        }
        if let Err(error) = stale_indexes::mark(&self.path) {
            tracing::warn!(%error, "the indexes stay as they are");
        }
    }

    /// Turns damage in one place into absence: everything else is still there.
    fn sound<T>(&self, space: Keyspace, found: fjall::Result<Option<T>>) -> Result<Option<T>, LedgerError> {
        match found.map_err(|error| self.failed(&error)) {
            Err(error @ LedgerError::Damaged { .. }) => {
                self.lost(space, &error);
                Ok(None)
            }
            other => other,
        }
    }

    fn failed(&self, error: &fjall::Error) -> LedgerError {
        classify(&self.path, error)
    }
}

/// A view of a [`Store`] at one moment.
pub(crate) struct Snapshot(fjall::Snapshot);

#[allow(clippy::unwrap_used)]
#[cfg(test)]
mod tests {
    use fjall::AbstractTree as _;

    use super::super::memtables::FULL;
    use super::*;

    fn commit(store: &Store, space: Keyspace, key: &[u8], value: &[u8]) {
        let changes = Changes::from([((space, key.to_vec()), Some(value.into()))]);
        store.commit(&changes, Durability::Written).unwrap();
    }

    #[test]
    fn the_format_is_known_by_either_of_its_records_and_a_folder_without_both_is_damaged() {
        let [one, other] = format::KEYS;
        for (spoiled, opens) in [(vec![one], true), (vec![other], true), (vec![one, other], false)] {
            let folder = crate::scratch::folder();
            let store = Store::open(folder.path(), Side::Minion).unwrap();
            spoiled.iter().for_each(|key| commit(&store, Keyspace::Meta, key, b"nonsense"));
            drop(store);
            let cause = "the record of its format cannot be read".to_owned();
            let damaged = LedgerError::Damaged { path: folder.path().to_owned(), cause };
            let error = Store::open(folder.path(), Side::Minion).err();
            assert_eq!(error, (!opens).then_some(damaged), "{spoiled:?}");
        }
    }

    #[test]
    fn the_longest_key_is_found_and_a_longer_one_is_absent() {
        let folder = crate::scratch::folder();
        let store = Store::open(folder.path(), Side::Minion).unwrap();
        let (longest, longer) = (vec![b'k'; MAX_KEY], vec![b'k'; MAX_KEY + 1]);
        commit(&store, Keyspace::Kv, &longest, b"value");
        let view = store.snapshot();
        for (key, found) in [(longest, true), (longer, false)] {
            assert_eq!(store.get(Keyspace::Kv, &key).unwrap().is_some(), found);
            assert_eq!(store.get_in(&view, Keyspace::Kv, &key).unwrap().is_some(), found);
            let span = Span::from_to(key.clone(), key);
            assert_eq!(store.scan(Keyspace::Kv, span).count(), usize::from(found));
        }
    }

    #[test]
    fn no_commit_leaves_a_full_memtable_in_memory() {
        let folder = crate::scratch::folder();
        let store = Store::open(folder.path(), Side::Minion).unwrap();
        let value = [7; 15_000];
        for number in 0..2 * FULL / value.len() as u64 {
            commit(&store, Keyspace::Kv, &number.to_be_bytes(), &value);
            assert!(store.keyspace(Keyspace::Kv).tree.active_memtable().size() <= FULL, "{number}");
        }
    }

    #[test]
    fn an_overlord_keeps_as_many_files_open_as_it_may_and_a_minion_few() {
        assert_eq!([Side::Minion, Side::Swarm].map(open_files), [256, 256]);
        let expected = usize::try_from(descriptors::raise().limit / 2).unwrap().clamp(256, 8192);
        assert_eq!(open_files(Side::Overlord), expected);
    }

    #[test]
    fn each_batch_that_changes_something_has_the_next_number() {
        let folder = crate::scratch::folder();
        let store = Store::open(folder.path(), Side::Minion).unwrap();
        let first = store.batch().unwrap();
        for number in 1..=3 {
            commit(&store, Keyspace::Kv, b"key", b"value");
            store.commit(&Changes::new(), Durability::Synced).unwrap();
            assert_eq!(store.batch().unwrap(), first + number);
        }
    }

    #[test]
    fn what_cannot_be_read_marks_the_indexes_as_stale_until_they_were_made_anew() {
        let folder = crate::scratch::folder();
        let store = Store::open(folder.path(), Side::Minion).unwrap();
        assert!(!store.is_stale());
        store.lost(Keyspace::Kv, &LedgerError::Closed { path: folder.path().to_owned() });
        assert!(store.is_stale());
        drop(store);
        let store = Store::open(folder.path(), Side::Minion).unwrap();
        store.mark_fresh().unwrap();
        assert!(!store.is_stale());
    }
}
