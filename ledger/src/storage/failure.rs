//! What an error of the database means for a ledger.

use std::io::{self, ErrorKind};
use std::path::Path;

use fjall::{Error, LsmError};

use crate::error::LedgerError;

/// The error of the ledger at `path` that stands for `error`.
pub(super) fn classify(path: &Path, error: &Error) -> LedgerError {
    let path = path.to_owned();
    match error {
        Error::Locked => LedgerError::Locked { path },
        Error::Io(error) | Error::Storage(LsmError::Io(error)) => from_io(&path, error),
        Error::Poisoned => LedgerError::Io { path, cause: "an earlier write failed".to_owned() },
        Error::KeyspaceDeleted => damaged(&path, "a part of it was deleted"),
        Error::InvalidVersion(_) => damaged(&path, "its files are of an unknown version"),
        Error::JournalRecovery(_) => damaged(&path, "its journal cannot be read"),
        Error::Storage(LsmError::ChecksumMismatch { .. }) => damaged(&path, "a checksum does not match"),
        _ => damaged(&path, "a file in it is missing or cannot be read"),
    }
}

/// The error of the ledger at `path` that stands for an error of the system.
pub(super) fn from_io(path: &Path, error: &io::Error) -> LedgerError {
    let path = path.to_owned();
    let cause = error.to_string();
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
            LedgerError::DiskFull { path }
        }
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => LedgerError::ReadOnly { path, cause },
        ErrorKind::InvalidData => LedgerError::Damaged { path, cause },
        _ => LedgerError::Io { path, cause },
    }
}

fn damaged(path: &Path, cause: &str) -> LedgerError {
    LedgerError::Damaged { path: path.to_owned(), cause: cause.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_of_the_system_names_the_path_and_the_remedy() {
        let cases = [
            (ErrorKind::StorageFull, "free some space"),
            (ErrorKind::QuotaExceeded, "free some space"),
            (ErrorKind::PermissionDenied, "give this user write access"),
            (ErrorKind::ReadOnlyFilesystem, "give this user write access"),
            (ErrorKind::Other, "look at the disk"),
        ];
        for (kind, remedy) in cases {
            let message = classify(Path::new("/data/ledger"), &Error::Io(kind.into())).to_string();
            assert!(message.contains("\"/data/ledger\"") && message.contains(remedy), "{message}");
        }
        for kind in [ErrorKind::FileTooLarge, ErrorKind::StorageFull] {
            let full = from_io(Path::new("/data"), &kind.into());
            assert_eq!(full, LedgerError::DiskFull { path: "/data".into() });
        }
        let locked = classify(Path::new("/data/ledger"), &Error::Locked).to_string();
        assert!(locked.contains("in use by another process"), "{locked}");
    }

    #[test]
    fn a_database_that_is_damaged_says_in_what() {
        let cases = [
            (Error::KeyspaceDeleted, "a part of it was deleted"),
            (Error::InvalidVersion(None), "its files are of an unknown version"),
            (Error::JournalRecovery(fjall::JournalRecoveryError::TooManyItems), "its journal cannot be read"),
            (Error::Unrecoverable, "a file in it is missing or cannot be read"),
            (Error::Io(io::Error::new(ErrorKind::InvalidData, "no block")), "no block"),
        ];
        for (error, cause) in cases {
            let expected = LedgerError::Damaged { path: "/data".into(), cause: cause.to_owned() };
            assert_eq!(classify(Path::new("/data"), &error), expected);
        }
        let poisoned = classify(Path::new("/data"), &Error::Poisoned);
        let cause = "an earlier write failed".to_owned();
        assert_eq!(poisoned, LedgerError::Io { path: "/data".into(), cause });
    }
}
