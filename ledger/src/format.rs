//! The format of a ledger's folder: which side it belongs to, and how its records are laid out.
//!
//! [`CURRENT`] goes up by one whenever the encoding of any record changes, the types of `wire` inside them
//! included. That record then gets another [`Record::VERSION`], its old shape a place in
//! [`upgrade`](crate::upgrade) with the step that brings it up, and a folder of the old format one in
//! `ledger/tests/folders/`.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::LedgerError;
use crate::keyspace::{Keyspace, Side};
use crate::record::Record;
use crate::storage::Changes;

/// The format that this version writes.
pub(crate) const CURRENT: u32 = 3;

/// The keys of a format in [`Keyspace::Meta`]: two, because the folder is worth nothing without it.
pub(crate) type Keys = [&'static [u8]; 2];

/// The keys of the folder's format.
pub(crate) const KEYS: Keys = [b"format", b"format again"];

/// The keys of the format that an upgrade began with, until the upgrade has ended.
pub(crate) const UPGRADE_KEYS: Keys = [b"upgraded from", b"upgraded from again"];

/// The format of a folder.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Format {
    side: Side,
    version: u32,
}

impl Record for Format {
    const SPACE: Keyspace = Keyspace::Meta;
}

impl Format {
    /// The current format of a ledger of `side`.
    pub(crate) fn current(side: Side) -> Self {
        Self::of(side, CURRENT)
    }

    /// The format with this number, of a ledger of `side`.
    pub(crate) fn of(side: Side, version: u32) -> Self {
        Self { side, version }
    }

    /// The number of the format.
    pub(crate) fn version(self) -> u32 {
        self.version
    }

    /// The changes that record the format under `keys`.
    pub(crate) fn put(self, keys: Keys) -> Changes {
        keys.into_iter().map(|key| ((Self::SPACE, key.to_vec()), Some(self.encode(key)))).collect()
    }

    /// The changes that remove the format under `keys`.
    pub(crate) fn remove(keys: Keys) -> Changes {
        keys.into_iter().map(|key| ((Self::SPACE, key.to_vec()), None)).collect()
    }

    /// Whether a folder of this format is `side`'s, and this version can read it or bring it up to date.
    ///
    /// # Errors
    /// [`LedgerError::WrongSide`] or [`LedgerError::Newer`].
    pub(crate) fn check(self, path: &Path, side: Side) -> Result<(), LedgerError> {
        let path = path.to_owned();
        if self.version > CURRENT {
            return Err(LedgerError::Newer { path, found: self.version, known: CURRENT });
        }
        if self.side != side {
            return Err(LedgerError::WrongSide { path, found: self.side, wanted: side });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_of_the_future_is_refused_by_number() {
        let future = Format { side: Side::Overlord, version: 7 };
        let error = future.check(Path::new("/x"), Side::Overlord).expect_err("refused");
        assert_eq!(error, LedgerError::Newer { path: "/x".into(), found: 7, known: CURRENT });
    }

    #[test]
    fn an_overlord_does_not_open_the_ledger_of_a_minion() {
        let error =
            Format::current(Side::Minion).check(Path::new("/x"), Side::Overlord).expect_err("refused");
        assert!(error.to_string().contains("ledger of a minion, not of an overlord"), "{error}");
    }
}
