//! The folder of a ledger before it is opened: made, and put in order after a hard end.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use super::{journal, unborn};

/// The file that the database locks for as long as it is open.
const LOCK: &str = "lock";

/// Makes the folder, for this user alone, or puts the one that is there in order. One that is open elsewhere
/// is left as it is: opening it will say so.
pub(super) fn prepare(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let lock: File = match OpenOptions::new().read(true).write(true).open(folder.join(LOCK)) {
        Ok(lock) => lock,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(()),
        Err(TryLockError::Error(error)) => return Err(error),
    }
    unborn::clear(folder)?;
    journal::mend(folder)
}
