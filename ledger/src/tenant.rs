//! Tenants: ledgers that share one store without seeing each other.
//!
//! Every key of a tenant begins with its name and a zero byte, which no name contains. The prefix is put on and taken off in
//! one place, below all reads and writes, so that no operation knows whether its store has one tenant or many.

use std::collections::BTreeSet;
use std::ops::Bound;
use std::sync::Arc;

use crate::error::LedgerError;
use crate::key::{self, Span};
use crate::keyspace::{Keyspace, Side};
use crate::storage::{Bytes, Scan, Store};

/// One of those whose records are in a store. A cheap handle.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Tenant(Option<Arc<[u8]>>);

impl Tenant {
    /// The one that has a store for itself.
    pub(crate) fn sole() -> Self {
        Self::default()
    }

    /// The one of this name, in a store of many.
    pub(crate) fn named(name: &str) -> Self {
        Self(Some(key::name_prefix(name).into()))
    }

    /// Its key, as the store has it.
    pub(crate) fn key(&self, key: &[u8]) -> Vec<u8> {
        [self.prefix(), key].concat()
    }

    /// Its span, as the store has it.
    pub(crate) fn span(&self, span: Span) -> Span {
        let end = match span.end {
            Bound::Included(key) => Bound::Included(self.key(&key)),
            Bound::Excluded(key) => Bound::Excluded(self.key(&key)),
            Bound::Unbounded => Span::prefix(self.prefix()).end,
        };
        Span { start: self.key(&span.start), end }
    }

    /// Rows of its span, as the tenant has them.
    pub(crate) fn own<'a>(&self, rows: Scan<'a>) -> Scan<'a> {
        let length = self.prefix().len();
        if length == 0 {
            return rows;
        }
        Box::new(rows.map(move |(key, value)| (Bytes::from(key.get(length..).unwrap_or_default()), value)))
    }

    fn prefix(&self) -> &[u8] {
        self.0.as_deref().unwrap_or_default()
    }

    /// Everybody who has records in a store of `side`.
    pub(crate) fn all_in(store: &Store, side: Side) -> Result<BTreeSet<Self>, LedgerError> {
        let mut all = BTreeSet::new();
        if side != Side::Swarm {
            all.insert(Self::sole());
            return Ok(all);
        }
        for space in side.spaces().iter().filter(|space| **space != Keyspace::Meta) {
            let mut rest = Span::all();
            // One row of each tenant is enough: the next one that matters lies behind all of its rows.
            while let Some((key, _)) = store.scan(*space, rest.clone()).next() {
                let end = key.iter().position(|byte| *byte == 0).map_or(key.len(), |zero| zero + 1);
                let prefix = &key[..end];
                all.insert(Self(Some(prefix.into())));
                let Bound::Excluded(next) = Span::prefix(prefix).end else { break };
                rest = Span::all().starting_at(next);
            }
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_of_a_tenant_never_reach_into_those_of_another() {
        let (one, other) = (Tenant::named("web1"), Tenant::named("web11"));
        let holds = |span: &Span, key: &[u8]| {
            use std::ops::RangeBounds;
            span.bounds().contains(&key.to_vec())
        };
        for span in [Span::all(), Span::prefix(&[0xff]), Span::from_to(vec![0], vec![0xff, 0xff])] {
            let own = one.span(span);
            assert!(holds(&own, &one.key(&[0xff])));
            assert!(!holds(&own, &other.key(&[0xff])) && !holds(&own, &other.key(&[])));
        }
        assert_eq!(Tenant::sole().key(b"k"), b"k");
    }
}
