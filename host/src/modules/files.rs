//! The files of modules.

use std::io;
use std::path::Path;

use tempfile::NamedTempFile;

use crate::sandbox::MAX_MODULE;
use machine::file;
pub(super) use machine::file::{discard, remove, sync_folder};

/// Puts bytes in the place of a file, and returns once they are on disk.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    file::replace(path, bytes, MODE)
}

/// Writes what is to be put in the place of a file: all of it that needs room.
pub(super) fn write_beside(path: &Path, bytes: &[u8]) -> io::Result<NamedTempFile> {
    file::write_beside(path, bytes, MODE)
}

/// The bytes of a module's file; of one that is too large no more than shows that it is.
pub fn read_module(path: &Path) -> io::Result<Vec<u8>> {
    file::read_bounded(path, MAX_MODULE as u64)
}

/// What there is, or nothing where it is not there.
pub(super) fn if_there<T>(read: io::Result<T>) -> io::Result<Option<T>> {
    match read {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Modules are no secret.
const MODE: u32 = 0o644;
