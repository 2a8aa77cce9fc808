//! Quarantine: records that could not be read, kept for people who want to look.

use data_encoding::HEXLOWER;

use crate::key::Span;
use crate::keyspace::Keyspace;
use crate::read::Read;

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
