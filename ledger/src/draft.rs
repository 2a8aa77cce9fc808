//! A batch in the making: the store as it will be once the batch is committed.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::ops::Bound;

use crate::error::LedgerError;
use crate::key::Span;
use crate::keyspace::Keyspace;
use crate::quarantine::Spoiled;
use crate::read::Read;
use crate::record::Record;
use crate::storage::{Bytes, Changes, MAX_KEY, Scan, Store};

/// What the writes of one batch have done so far. Each write sees what those before it did.
pub(crate) struct Draft<'a> {
    store: &'a Store,
    /// What earlier writes of the batch did.
    done: RefCell<Changes>,
    /// What the present write did, which is undone if it fails.
    doing: RefCell<Changes>,
    weight: Cell<usize>,
}

impl<'a> Draft<'a> {
    /// A batch in which nothing is done yet.
    pub(crate) fn new(store: &'a Store) -> Self {
        Self { store, done: RefCell::default(), doing: RefCell::default(), weight: Cell::new(0) }
    }

    /// Sets a key.
    pub(crate) fn put(&self, space: Keyspace, key: Vec<u8>, value: Bytes) {
        self.weight.set(self.weight.get() + key.len() + value.len());
        self.doing.borrow_mut().insert((space, key), Some(value));
    }

    /// Sets the record of a key, and returns how many bytes the two take.
    pub(crate) fn put_record<R: Record>(&self, key: Vec<u8>, record: &R) -> u64 {
        let value = record.encode(&key);
        let bytes = key.len() + value.len();
        self.put(R::SPACE, key, value);
        bytes as u64
    }

    /// Sets a key that has no value, as indexes have them.
    pub(crate) fn mark(&self, space: Keyspace, key: Vec<u8>) {
        self.put(space, key, Bytes::from(&[]));
    }

    /// Removes a key.
    pub(crate) fn remove(&self, space: Keyspace, key: Vec<u8>) {
        self.weight.set(self.weight.get() + key.len());
        self.doing.borrow_mut().insert((space, key), None);
    }

    /// Removes all keys that begin with `prefix`.
    pub(crate) fn remove_all(&self, space: Keyspace, prefix: &[u8]) {
        let keys: Vec<Bytes> = self.scan(space, Span::prefix(prefix)).map(|(key, _)| key).collect();
        for key in keys {
            self.remove(space, key.to_vec());
        }
    }

    /// Runs one write. If it fails, the batch is as it was before.
    ///
    /// # Errors
    /// Those of the write, and [`LedgerError::LongKey`] where a key is longer than the database takes.
    pub(crate) fn apply<T>(
        &self,
        write: impl FnOnce(&Self) -> Result<T, LedgerError>,
    ) -> Result<T, LedgerError> {
        let result = write(self);
        let doing = self.doing.take();
        // The database takes no longer keys: it would panic, and end the thread that writes.
        let result = match doing.keys().map(|(_, key)| key.len()).max() {
            Some(bytes) if bytes > MAX_KEY => {
                result.and(Err(LedgerError::LongKey { path: self.store.path().to_owned(), bytes }))
            }
            _ => result,
        };
        if result.is_ok() {
            self.done.borrow_mut().extend(doing);
        }
        result
    }

    /// Roughly how many bytes the batch has.
    pub(crate) fn weight(&self) -> usize {
        self.weight.get()
    }

    /// The changes that are to be committed.
    pub(crate) fn into_changes(self) -> Changes {
        self.done.into_inner()
    }
}

impl Read for Draft<'_> {
    fn bytes(&self, space: Keyspace, key: &[u8]) -> Result<Option<Bytes>, LedgerError> {
        let place = (space, key.to_vec());
        for layer in [&self.doing, &self.done] {
            if let Some(value) = layer.borrow().get(&place) {
                return Ok(value.clone());
            }
        }
        self.store.get(space, key)
    }

    fn scan(&self, space: Keyspace, span: Span) -> Scan<'_> {
        let mut changed = BTreeMap::new();
        for layer in [&self.done, &self.doing] {
            changed.extend(within(&layer.borrow(), space, &span));
        }
        let stored = self.store.scan(space, span);
        if changed.is_empty() {
            return stored;
        }
        let mut rows: BTreeMap<Bytes, Bytes> = stored.collect();
        for (key, value) in changed {
            match value {
                Some(value) => rows.insert(key.into(), value),
                None => rows.remove(key.as_slice()),
            };
        }
        Box::new(rows.into_iter())
    }

    fn set_aside(&self, spoiled: Spoiled) {
        spoiled.warn(self.store.path());
        if let Err(error) = spoiled.put_away(self) {
            tracing::warn!(%error, "a damaged record stays where it is");
        }
    }
}

/// The changes whose keys are in a span.
fn within(changes: &Changes, space: Keyspace, span: &Span) -> Vec<(Vec<u8>, Option<Bytes>)> {
    let end = match &span.end {
        Bound::Included(key) => Bound::Included((space, key.clone())),
        Bound::Excluded(key) => Bound::Excluded((space, key.clone())),
        Bound::Unbounded => Bound::Unbounded,
    };
    let rows = changes.range((Bound::Included((space, span.start.clone())), end));
    rows.take_while(|((of, _), _)| *of == space)
        .map(|((_, key), value)| (key.clone(), value.clone()))
        .collect()
}
