//! The folder of a ledger before it is opened: made, and put in order after a hard end.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::path::Path;

use super::{journal, unfinished_folder};

/// The file that the database locks for as long as it is open.
const LOCK: &str = "lock";

/// Makes the folder, for this user alone, or puts an existing one in order. A folder that is open elsewhere is
/// left as it is: opening it will say so.
pub(super) fn prepare(folder: &Path) -> io::Result<()> {
    machine::file::create_private_folder(folder)?;
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
    unfinished_folder::clear(folder)?;
    journal::mend(folder)?;
    // Closing the file would not do: a child that another thread starts at this moment has it open as well.
    lock.unlock()
}

#[allow(clippy::unwrap_used)]
#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_lock_that_cannot_be_opened_is_no_new_folder() {
        let folder = crate::scratch::folder();
        prepare(folder.path()).unwrap();
        fs::create_dir(folder.path().join(LOCK)).unwrap();
        assert_eq!(prepare(folder.path()).unwrap_err().kind(), ErrorKind::IsADirectory);
    }
}
