//! Reading files of others, which may be of any size; and files that are written beside their place and then renamed into it, so that they are either what they were or
//! what they are to be; and what is left of them where a process was killed half-way. Everything here blocks.
//!
//! Files that arrive in pieces over several connections are [`crate::partial`]'s.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::Path;
use std::time::Duration;

use tempfile::NamedTempFile;

use crate::clock;

/// Makes a folder that only its owner can enter (mode 0700), and those above it that are missing. A folder that
/// exists stays as it is.
///
/// # Errors
/// Where one of them cannot be made.
pub fn create_private_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// The bytes of a file; of one with more than `most` bytes the first `most` and one more, which tells that it is too large from
/// one that just fits.
///
/// # Errors
/// Where the file cannot be opened or read.
pub fn read_bounded(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(most + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Puts bytes in the place of a file with the permissions `mode`, and returns once they are on disk.
///
/// # Errors
/// Where the file cannot be written. What was there is there still, or the new file is, whole.
pub fn replace(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    write_beside(path, bytes, mode)?.persist(path)?;
    sync_folder(folder_of(path))
}

/// Writes bytes into a file beside `path`, on disk and with the permissions `mode`. This is all of a replacement
/// that needs room: persisting what it returns only renames. Dropping that removes it. To do both at once, use
/// [`replace`].
///
/// # Errors
/// Where the file cannot be written, as on a full disk.
pub fn write_beside(path: &Path, bytes: &[u8], mode: u32) -> io::Result<NamedTempFile> {
    let mut file = tempfile::Builder::new().prefix(WRITING).tempfile_in(folder_of(path))?;
    file.write_all(bytes)?;
    file.as_file().set_permissions(Permissions::from_mode(mode))?;
    file.as_file().sync_all()?;
    Ok(file)
}

/// Removes a file, which may be missing already.
///
/// # Errors
/// Where the file exists and cannot be removed.
pub fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Removes a file that nothing depends on any more. Where that fails, the file only takes room, so it is logged
/// and no error.
pub fn discard(path: &Path) {
    if let Err(error) = remove(path) {
        tracing::warn!(file = %path.display(), %error, "a file stays although it is of no use");
    }
}

/// Makes sure that what was renamed or removed in a folder stays so after a power cut.
///
/// # Errors
/// Where the folder cannot be opened or synced.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Removes the files in a folder that [`write_beside`] began and that nobody writes any more. Several daemons may
/// share a folder, so a file that was written to within the last minute stays.
pub fn sweep(folder: &Path) {
    let old = |metadata: fs::Metadata| {
        let at = metadata.modified().ok()?;
        Some(clock::now().duration_since(at).ok()? > ABANDONED)
    };
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let writing = entry.file_name().to_string_lossy().starts_with(WRITING);
        if writing && entry.metadata().ok().and_then(old) == Some(true) {
            discard(&entry.path());
        }
    }
}

/// The folder that a file is in.
fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The beginning of the names of files that are being written.
const WRITING: &str = ".writing-";
/// After this long without another write, nobody writes a file any more.
const ABANDONED: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_being_written_long_ago_goes() {
        let dir = tempfile::tempdir().expect("a folder");
        for (name, age) in [(".writing-old", 3600), (".writing-new", 1), ("old.wasm", 3600)] {
            let file = fs::File::create(dir.path().join(name)).expect("made");
            file.set_modified(clock::now() - Duration::from_secs(age)).expect("aged");
        }
        sweep(dir.path());
        let left = |name: &str| dir.path().join(name).exists();
        assert_eq!([".writing-old", ".writing-new", "old.wasm"].map(left), [false, true, true]);
    }
}
