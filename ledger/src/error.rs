//! Why a ledger could not do what it was asked.

use std::path::PathBuf;

use crate::keyspace::Side;

/// What went wrong with a ledger, and what to do about it.
///
/// Cheap to clone, because one failed commit answers every write that was part of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// Another process has the folder open.
    #[error(
        "the ledger \"{path}\" is in use by another process: stop that one first, or choose another folder"
    )]
    Locked {
        /// The ledger's folder.
        path: PathBuf,
    },
    /// The folder or a file in it may not be written.
    #[error(
        "the ledger \"{path}\" cannot be written ({cause}): give this user write access to it, or choose \
         another folder"
    )]
    ReadOnly {
        /// The ledger's folder.
        path: PathBuf,
        /// What the system says.
        cause: String,
    },
    /// There is no room for the write, which did not happen. Reads go on, and so do writes once there is room.
    #[error("the disk of the ledger \"{path}\" is full: free some space, and the ledger goes on by itself")]
    DiskFull {
        /// The ledger's folder.
        path: PathBuf,
    },
    /// A newer version of the software wrote the folder.
    #[error(
        "the ledger \"{path}\" has format {found}, and this version knows formats up to {known}: run the \
         version that wrote it, or a newer one"
    )]
    Newer {
        /// The ledger's folder.
        path: PathBuf,
        /// The format on disk.
        found: u32,
        /// The newest format that is understood.
        known: u32,
    },
    /// The folder belongs to the other kind of daemon.
    #[error(
        "\"{path}\" is the ledger of {found}, not of {wanted}: choose the folder that belongs to {wanted}"
    )]
    WrongSide {
        /// The ledger's folder.
        path: PathBuf,
        /// The kind of daemon that it belongs to.
        found: Side,
        /// The kind of daemon that asks for it.
        wanted: Side,
    },
    /// The folder as a whole cannot be understood. Single records that are damaged are set aside instead, and are
    /// no error.
    #[error(
        "the ledger \"{path}\" is damaged ({cause}): restore it from a backup, or move it away to start \
         with an empty one"
    )]
    Damaged {
        /// The ledger's folder.
        path: PathBuf,
        /// What does not fit.
        cause: String,
    },
    /// The system refused a read or a write for another reason.
    #[error("the ledger \"{path}\" cannot be read or written: {cause}; look at the disk, then start again")]
    Io {
        /// The ledger's folder.
        path: PathBuf,
        /// What the system says.
        cause: String,
    },
    /// The write has a key that no ledger takes, and did not happen.
    #[error(
        "the ledger \"{path}\" takes no key of {bytes} bytes: a name or an expression in it must be shorter"
    )]
    LongKey {
        /// The ledger's folder.
        path: PathBuf,
        /// The length of the longest key of the write.
        bytes: usize,
    },
    /// The ledger was closed, by [`close`](crate::OverlordLedger::close) or because its writer is gone.
    #[error("the ledger \"{path}\" is closed: the daemon is stopping, so ask again once it has started")]
    Closed {
        /// The ledger's folder.
        path: PathBuf,
    },
}
