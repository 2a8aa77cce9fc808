//! Why an audit log cannot be written or read.

use std::io;
use std::path::{Path, PathBuf};

use wire::digest::Digest;

/// Why an audit log could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The system refused a read or a write.
    #[error("cannot {action} the audit log \"{path}\": {source}")]
    File {
        /// What was tried: `open`, `write`, `read`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// An entry does not follow from the one before.
    #[error(
        "line {line} of the audit log \"{path}\" does not follow from the one before: one of them was altered, \
         or entries between them are missing"
    )]
    Broken {
        /// The file.
        path: PathBuf,
        /// Which line, counted from one.
        line: u64,
    },
    /// The log does not hold the entry that it is known to have held.
    #[error(
        "the audit log \"{path}\" holds no entry with the chain {witness}: entries were cut off its end, or it is \
         another log{}", if *.gone > 0 { ", or the entry was in one of the oldest files, which are gone" } else { "" }
    )]
    Cut {
        /// The file.
        path: PathBuf,
        /// The chain that an entry is known to have had.
        witness: Digest,
        /// How many files are missing from the log's beginning.
        gone: u64,
    },
    /// A line is not an entry.
    #[error("line {line} of the audit log \"{path}\" is not an entry: it was altered, or cut off")]
    NotAnEntry {
        /// The file.
        path: PathBuf,
        /// Which line, counted from one.
        line: u64,
    },
}

/// The error that the system refused `action`.
pub(crate) fn failed(action: &'static str, path: &Path, source: io::Error) -> AuditError {
    AuditError::File { action, path: path.to_owned(), source }
}
