//! Records that cannot be read: moved out of the way, named in the log, and kept for people who want to look.

use std::path::Path;

use data_encoding::HEXLOWER;

use crate::draft::Draft;
use crate::error::LedgerError;
use crate::key::{self, Span};
use crate::keyspace::Keyspace;
use crate::read::Read;
use crate::storage::Bytes;

/// A record that was set aside because it could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetAside {
    /// The keyspace that it was in.
    pub keyspace: String,
    /// Its key, in hexadecimal digits.
    pub key: String,
    /// How many bytes it has.
    pub bytes: usize,
}

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

    /// Moves the record into quarantine, unless something else is in its place by now.
    pub(crate) fn put_away(&self, draft: &Draft<'_>) -> Result<(), LedgerError> {
        if draft.bytes(self.space, &self.key)?.as_ref() != Some(&self.bytes) {
            return Ok(());
        }
        draft.remove(self.space, self.key.clone());
        let name = [&key::name_prefix(self.space.name()), self.key.as_slice()].concat();
        draft.put(Keyspace::Quarantine, name, self.bytes.clone());
        // The tally counted the part as it was. It is removed, so that the parts are counted anew.
        if let (Keyspace::Parts, Some((job, _))) = (self.space, key::split_job(&self.key)) {
            draft.remove(Keyspace::Tallies, key::of_job(job, &[]));
        }
        Ok(())
    }
}

/// The first `limit` records in quarantine.
pub(crate) fn list(source: &impl Read, limit: usize) -> Vec<SetAside> {
    let rows = source.scan(Keyspace::Quarantine, Span::all()).take(limit);
    rows.map(|(key, bytes)| {
        let mut parts = key.splitn(2, |byte| *byte == 0);
        let keyspace = String::from_utf8_lossy(parts.next().unwrap_or_default()).into_owned();
        SetAside { keyspace, key: HEXLOWER.encode(parts.next().unwrap_or_default()), bytes: bytes.len() }
    })
    .collect()
}
