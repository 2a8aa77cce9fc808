//! A batch in the making: the store as it will be once the batch is committed.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::ops::Bound;

use crate::error::LedgerError;
use crate::key::{self, Span};
use crate::keyspace::Keyspace;
use crate::read::{Read, Spoiled};
use crate::record::Record;
use crate::storage::{Bytes, Changes, MAX_KEY, Scan, Store};
use crate::tenant::Tenant;

/// What the writes of one batch have done so far. Each write sees what those before it did.
pub(crate) struct Draft<'a> {
    store: &'a Store,
    /// Whose write the present one is.
    tenant: RefCell<Tenant>,
    /// What earlier writes of the batch did.
    done: RefCell<Changes>,
    /// What the present write did, which is undone if it fails.
    doing: RefCell<Changes>,
    weight: Cell<usize>,
}

impl<'a> Draft<'a> {
    /// A batch in which nothing is done yet.
    pub(crate) fn new(store: &'a Store) -> Self {
        Self {
            store,
            tenant: RefCell::default(),
            done: RefCell::default(),
            doing: RefCell::default(),
            weight: Cell::new(0),
        }
    }

    /// Sets a key.
    pub(crate) fn put(&self, space: Keyspace, key: Vec<u8>, value: Bytes) {
        self.weight.set(self.weight.get() + key.len() + value.len());
        self.doing.borrow_mut().insert((space, self.stored(&key)), Some(value));
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
        self.doing.borrow_mut().insert((space, self.stored(&key)), None);
    }

    /// Removes all keys that begin with `prefix`.
    pub(crate) fn remove_all(&self, space: Keyspace, prefix: &[u8]) {
        let keys: Vec<Bytes> = self.scan(space, Span::prefix(prefix)).map(|(key, _)| key).collect();
        for key in keys {
            self.remove(space, key.to_vec());
        }
    }

    /// Moves a record that cannot be read into quarantine, unless something else is in its place by now.
    pub(crate) fn put_away(&self, spoiled: &Spoiled) -> Result<(), LedgerError> {
        if self.bytes(spoiled.space, &spoiled.key)?.as_ref() != Some(&spoiled.bytes) {
            return Ok(());
        }
        self.remove(spoiled.space, spoiled.key.clone());
        let name = [&key::name_prefix(spoiled.space.name()), spoiled.key.as_slice()].concat();
        self.put(Keyspace::Quarantine, name, spoiled.bytes.clone());
        // The tally counted the part as it was. It is removed, so that the parts are counted anew.
        if let (Keyspace::Parts, Some((job, _))) = (spoiled.space, key::split_job(&spoiled.key)) {
            self.remove(Keyspace::Tallies, key::of_job(job, &[]));
        }
        Ok(())
    }

    /// Runs one write of the one that has the store for itself. If it fails, the batch is as it was before.
    ///
    /// # Errors
    /// Those of the write, and [`LedgerError::LongKey`] where a key is longer than the database takes.
    pub(crate) fn apply<T>(
        &self,
        write: impl FnOnce(&Self) -> Result<T, LedgerError>,
    ) -> Result<T, LedgerError> {
        self.apply_as(&Tenant::sole(), write)
    }

    /// Like [`Draft::apply`], for one of those who share the store: the write sees and changes what is that tenant's.
    pub(crate) fn apply_as<T>(
        &self,
        tenant: &Tenant,
        write: impl FnOnce(&Self) -> Result<T, LedgerError>,
    ) -> Result<T, LedgerError> {
        self.tenant.replace(tenant.clone());
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

    /// A key as the store has it.
    fn stored(&self, key: &[u8]) -> Vec<u8> {
        self.tenant.borrow().key(key)
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
        let place = (space, self.stored(key));
        for layer in [&self.doing, &self.done] {
            if let Some(value) = layer.borrow().get(&place) {
                return Ok(value.clone());
            }
        }
        self.store.get(space, &place.1)
    }

    fn scan(&self, space: Keyspace, span: Span) -> Scan<'_> {
        let tenant = self.tenant.borrow().clone();
        let span = tenant.span(span);
        let mut changed = BTreeMap::new();
        for layer in [&self.done, &self.doing] {
            changed.extend(within(&layer.borrow(), space, &span));
        }
        let stored = self.store.scan(space, span);
        if changed.is_empty() {
            return tenant.own(stored);
        }
        let mut rows: BTreeMap<Bytes, Bytes> = stored.collect();
        for (key, value) in changed {
            match value {
                Some(value) => rows.insert(key.into(), value),
                None => rows.remove(key.as_slice()),
            };
        }
        tenant.own(Box::new(rows.into_iter()))
    }

    fn set_aside(&self, spoiled: Spoiled) {
        spoiled.warn(self.store.path());
        if let Err(error) = self.put_away(&spoiled) {
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

#[allow(clippy::unwrap_used)]
#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use super::*;
    use crate::keyspace::Side;
    use crate::quarantine::{self, SetAside};
    use crate::write::Durability;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Number(u8);

    impl Record for Number {
        const SPACE: Keyspace = Keyspace::Kv;
    }

    fn opened() -> (tempfile::TempDir, Store) {
        let folder = crate::scratch::folder();
        let store = Store::open(folder.path(), Side::Minion).unwrap();
        (folder, store)
    }

    fn commit(store: &Store, draft: Draft<'_>) {
        store.commit(&draft.into_changes(), Durability::Written).unwrap();
    }

    fn put(draft: &Draft<'_>, key: &str, value: &str) {
        draft.put(Keyspace::Kv, key.into(), value.as_bytes().into());
    }

    fn store_rows(store: &Store, rows: &[(&str, &str)]) {
        let draft = Draft::new(store);
        let write = |draft: &Draft<'_>| {
            rows.iter().for_each(|(key, value)| put(draft, key, value));
            Ok(())
        };
        draft.apply(write).unwrap();
        commit(store, draft);
    }

    fn found(source: &impl Read, span: Span) -> String {
        let rows = source.scan(Keyspace::Kv, span).map(|(key, value)| [&*key, &*value].concat());
        rows.map(|row| String::from_utf8(row).unwrap()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_batch_weighs_what_its_keys_and_values_do() {
        let (_folder, store) = opened();
        let draft = Draft::new(&store);
        put(&draft, "key", "value");
        assert_eq!(draft.weight(), 8);
        draft.mark(Keyspace::Kv, b"mark".to_vec());
        assert_eq!(draft.weight(), 12);
        draft.remove(Keyspace::Kv, b"another".to_vec());
        assert_eq!(draft.weight(), 19);
        // A record of one byte has a head of five.
        assert_eq!(draft.put_record(b"number".to_vec(), &Number(7)), 12);
        assert_eq!(draft.weight(), 31);
    }

    #[test]
    fn a_write_sees_what_was_there_and_what_its_batch_and_itself_did() {
        let (_folder, store) = opened();
        store_rows(&store, &[("a", "1"), ("b", "1"), ("c", "1"), ("e", "1")]);

        let draft = Draft::new(&store);
        let earlier = |draft: &Draft<'_>| {
            ["a", "d", "f"].iter().for_each(|key| put(draft, key, "2"));
            draft.remove(Keyspace::Kv, b"b".to_vec());
            Ok(())
        };
        draft.apply(earlier).unwrap();
        let present = |draft: &Draft<'_>| {
            put(draft, "c", "3");
            draft.remove(Keyspace::Kv, b"f".to_vec());
            // In a keyspace on each side.
            draft.mark(Keyspace::Settled, b"b".to_vec());
            draft.mark(Keyspace::KvUsage, b"b".to_vec());
            assert_eq!(found(draft, Span::all()), "a2 c3 d2 e1");
            assert_eq!(found(draft, Span::from_to(b"b".to_vec(), b"d".to_vec())), "c3 d2");
            assert_eq!(found(draft, Span::prefix(b"d")), "d2");
            for (key, value) in [("a", Some("2")), ("b", None), ("c", Some("3")), ("e", Some("1"))] {
                let bytes = draft.bytes(Keyspace::Kv, key.as_bytes())?;
                assert_eq!(bytes.as_deref(), value.map(str::as_bytes), "{key}");
            }
            draft.remove_all(Keyspace::Kv, b"d");
            Ok(())
        };
        draft.apply(present).unwrap();
        assert_eq!(found(&draft, Span::all()), "a2 c3 e1");
        commit(&store, draft);
        assert_eq!(found(&Draft::new(&store), Span::all()), "a2 c3 e1");
    }

    #[test]
    fn a_write_with_a_key_that_is_too_long_is_refused_and_says_how_long() {
        let (folder, store) = opened();
        let draft = Draft::new(&store);
        for (bytes, fits) in [(MAX_KEY, true), (MAX_KEY + 1, false)] {
            let write = |draft: &Draft<'_>| {
                draft.mark(Keyspace::Kv, vec![1; bytes]);
                Ok(())
            };
            let refused = LedgerError::LongKey { path: folder.path().to_owned(), bytes };
            assert_eq!(draft.apply(write), if fits { Ok(()) } else { Err(refused) });
        }
        commit(&store, draft);
        assert_eq!(Draft::new(&store).scan(Keyspace::Kv, Span::all()).count(), 1);
    }

    #[test]
    fn a_spoiled_record_that_a_write_meets_is_set_aside_with_the_batch() {
        let (_folder, store) = opened();
        store_rows(&store, &[("n", "nonsense")]);

        let draft = Draft::new(&store);
        assert_eq!(draft.apply(|draft| draft.record::<Number>(b"n")), Ok(None));
        commit(&store, draft);
        let after = Draft::new(&store);
        assert_eq!(after.has(Keyspace::Kv, b"n"), Ok(false));
        let aside = SetAside { keyspace: "kv".to_owned(), key: "6e".to_owned(), bytes: 8 };
        assert_eq!(quarantine::list(&after, 10), [aside]);
    }
}
