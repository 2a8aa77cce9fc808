//! Reading records, whether from a view of the store or from a batch in the making.

use std::path::Path;

use data_encoding::HEXLOWER;

use crate::error::LedgerError;
use crate::key::Span;
use crate::keyspace::Keyspace;
use crate::record::Record;
use crate::storage::{Bytes, Scan};

/// A record that could not be read, with the place at which it was found.
#[derive(Clone, Debug)]
pub(crate) struct Spoiled {
    /// Its keyspace.
    pub(crate) space: Keyspace,
    /// Its key.
    pub(crate) key: Vec<u8>,
    /// The bytes that are there instead of a record.
    pub(crate) bytes: Bytes,
}

impl Spoiled {
    /// Says in the log which record it is.
    pub(crate) fn warn(&self, path: &Path) {
        tracing::warn!(
            ledger = %path.display(),
            keyspace = self.space.name(),
            key = HEXLOWER.encode(&self.key),
            bytes = self.bytes.len(),
            "set a damaged record aside",
        );
    }
}

/// Something that records can be read from.
pub(crate) trait Read {
    /// The value of a key.
    fn bytes(&self, space: Keyspace, key: &[u8]) -> Result<Option<Bytes>, LedgerError>;

    /// The keys of a span and their values, in order.
    fn scan(&self, space: Keyspace, span: Span) -> Scan<'_>;

    /// Moves a record that cannot be read out of the way.
    fn set_aside(&self, spoiled: Spoiled);

    /// Whether there is such a key.
    fn has(&self, space: Keyspace, key: &[u8]) -> Result<bool, LedgerError> {
        Ok(self.bytes(space, key)?.is_some())
    }

    /// The record of a key; one that cannot be read is set aside and counts as absent.
    fn record<R: Record>(&self, key: &[u8]) -> Result<Option<R>, LedgerError> {
        Ok(self.bytes(R::SPACE, key)?.and_then(|bytes| self.decoded(key, &bytes)))
    }

    /// The records of a span in order, without those that cannot be read, which are set aside.
    fn records<R: Record>(&self, span: Span) -> impl DoubleEndedIterator<Item = (Bytes, R)> {
        self.scan(R::SPACE, span).filter_map(|(key, bytes)| {
            let record = self.decoded(&key, &bytes)?;
            Some((key, record))
        })
    }

    /// The record of these bytes; `None` where they are no record, and then they are set aside.
    fn decoded<R: Record>(&self, key: &[u8], bytes: &Bytes) -> Option<R> {
        let record = R::decode(key, bytes);
        if record.is_none() {
            self.set_aside(Spoiled { space: R::SPACE, key: key.to_vec(), bytes: bytes.clone() });
        }
        record
    }
}
