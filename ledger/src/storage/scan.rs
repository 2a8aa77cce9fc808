//! Scans that go on behind a block that cannot be read.
//!
//! After such a block, a scan of the database leaves out all that follows it in the same file. What remains
//! of the span is then read again from both ends, so that little more than the block itself is missed.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::vec;

use fjall::{Keyspace, Readable, Snapshot};

use super::changes::{Bytes, MAX_KEY};
use crate::key::Span;

/// How many reads may fail one after the other before a scan counts as ended.
const MAX_BROKEN: usize = 64;

type Row = (Bytes, Bytes);

/// The rows of a span that can be read.
pub(super) struct Rows<'a, Broken> {
    keyspace: &'a Keyspace,
    snapshot: Snapshot,
    iter: fjall::Iter,
    low: Bound<Bytes>,
    high: Bound<Bytes>,
    rest: Option<vec::IntoIter<Row>>,
    broken: Broken,
}

impl<'a, Broken: Fn(&fjall::Error)> Rows<'a, Broken> {
    /// The rows of `span` in a view; `broken` is told why a row cannot be read.
    pub(super) fn new(keyspace: &'a Keyspace, snapshot: Snapshot, span: Span, broken: Broken) -> Self {
        let (low, high) = span.bounds();
        let (low, high) =
            (cut(low, Bound::Excluded).map(Bytes::from), cut(high, Bound::Included).map(Bytes::from));
        let iter = snapshot.range(keyspace, (low.clone(), high.clone()));
        Self { keyspace, snapshot, iter, low, high, rest: None, broken }
    }

    fn afresh(&self) -> impl DoubleEndedIterator<Item = fjall::Result<Row>> {
        let bounds = (self.low.clone(), self.high.clone());
        self.snapshot.range(self.keyspace, bounds).map(|row| row.into_inner())
    }

    /// All rows of the span that were not returned yet, in order, but for those that cannot be read.
    fn remaining(&self) -> vec::IntoIter<Row> {
        let mut rows = BTreeMap::new();
        let (mut forward, mut failures) = (self.afresh(), 0);
        let mut last_sound = None;
        while failures < MAX_BROKEN {
            match forward.next() {
                Some(Ok((key, value))) => {
                    if failures == 0 {
                        last_sound = Some(key.clone());
                    }
                    rows.insert(detached(&key), value);
                }
                Some(Err(_)) => failures += 1,
                None => break,
            }
        }
        // The rows that come from the other end are right; those that the first way found behind the broken block
        // may lack newer values.
        for (key, value) in self.afresh().rev().map_while(Result::ok) {
            if last_sound.as_ref().is_some_and(|sound| key <= *sound) {
                break;
            }
            rows.insert(key, value);
        }
        rows.into_iter().collect::<Vec<_>>().into_iter()
    }
}

/// A key with bytes of its own. One that comes from a file is a part of the block that it was read with, and whoever kept it
/// would keep that block, with the values of some keys in it: mebibytes where these are large.
fn detached(key: &Bytes) -> Bytes {
    Bytes::from(&**key)
}

/// A bound as it is. One that is longer than any key is replaced by one that divides the possible keys in the same
/// way.
fn cut(bound: Bound<Vec<u8>>, as_part: fn(Vec<u8>) -> Bound<Vec<u8>>) -> Bound<Vec<u8>> {
    match bound {
        Bound::Included(mut key) | Bound::Excluded(mut key) if key.len() > MAX_KEY => {
            key.truncate(MAX_KEY);
            as_part(key)
        }
        bound => bound,
    }
}

impl<Broken: Fn(&fjall::Error)> Iterator for Rows<'_, Broken> {
    type Item = Row;

    fn next(&mut self) -> Option<Row> {
        if let Some(rest) = &mut self.rest {
            return rest.next();
        }
        match self.iter.next()?.into_inner() {
            Ok((key, value)) => {
                let key = detached(&key);
                self.low = Bound::Excluded(key.clone());
                Some((key, value))
            }
            Err(error) => {
                (self.broken)(&error);
                self.rest.insert(self.remaining()).next()
            }
        }
    }
}

impl<Broken: Fn(&fjall::Error)> DoubleEndedIterator for Rows<'_, Broken> {
    fn next_back(&mut self) -> Option<Row> {
        if let Some(rest) = &mut self.rest {
            return rest.next_back();
        }
        match self.iter.next_back()?.into_inner() {
            Ok((key, value)) => {
                let key = detached(&key);
                self.high = Bound::Excluded(key.clone());
                Some((key, value))
            }
            Err(error) => {
                (self.broken)(&error);
                self.rest.insert(self.remaining()).next_back()
            }
        }
    }
}
