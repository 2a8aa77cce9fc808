//! Files that are either what they were or what they are to be, whatever happens in between.

use std::fs::{self, File, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use tempfile::NamedTempFile;

use crate::aside::WRITING;
use crate::sandbox::MAX_MODULE;

/// Puts bytes in the place of a file, and returns once they are on disk.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write_beside(path, bytes)?.persist(path)?;
    sync_folder(path.parent().unwrap_or(Path::new(".")))
}

/// Writes what is to be put in the place of a file: all of it that needs room.
pub(super) fn write_beside(path: &Path, bytes: &[u8]) -> io::Result<NamedTempFile> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(WRITING).tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().set_permissions(Permissions::from_mode(0o644))?;
    file.as_file().sync_all()?;
    Ok(file)
}

/// Removes a file that may not be there.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Removes a file that nothing depends on any more; where that fails it only takes room.
pub(super) fn discard(path: &Path) {
    if let Err(error) = remove(path) {
        tracing::warn!("\"{}\" stays although it is of no use: {error}", path.display());
    }
}

/// What was renamed or removed in a folder stays so.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// The bytes of a module's file; of one that is too large no more than shows that it is.
pub(super) fn read_module(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_MODULE as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// What there is, or nothing where it is not there.
pub(super) fn if_there<T>(read: io::Result<T>) -> io::Result<Option<T>> {
    match read {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
