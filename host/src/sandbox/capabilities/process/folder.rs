//! The folder that a program runs in.

use std::fs::OpenOptions;
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;

/// A folder that is held open, so that the program gets the one that was checked, whatever is put in the place of
/// its name meanwhile.
pub(super) struct Folder {
    handle: OwnedFd,
    real: PathBuf,
}

impl Folder {
    /// Opens a folder by its path, through links as the system follows them.
    ///
    /// # Errors
    /// Where there is no such folder, or the path leads to another root, as through `/proc/PID/root`: there the
    /// same path means another folder.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let handle = OwnedFd::from(OpenOptions::new().read(true).custom_flags(flags.bits()).open(path)?);
        let real = std::fs::read_link(by_handle(&handle))?;
        let [opened, named] = [std::fs::metadata(by_handle(&handle))?, std::fs::symlink_metadata(&real)?];
        if (opened.dev(), opened.ino()) != (named.dev(), named.ino()) {
            return Err(io::ErrorKind::NotFound.into());
        }
        Ok(Self { handle, real })
    }

    /// The path of the folder without links.
    pub(super) fn real(&self) -> &Path {
        &self.real
    }

    /// A path that leads to the folder in this process, and in one that was forked off it until that runs a
    /// program.
    pub(super) fn by_handle(&self) -> PathBuf {
        by_handle(&self.handle)
    }
}

fn by_handle(handle: &OwnedFd) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", handle.as_raw_fd()))
}

#[allow(clippy::unwrap_used)]
#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_folder_stays_what_was_opened_and_tells_where_it_really_is() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        std::fs::create_dir(root.join("real")).unwrap();
        std::fs::write(root.join("real/file"), "").unwrap();
        symlink("real", root.join("link")).unwrap();
        let folder = Folder::open(&root.join("link/../link")).unwrap();
        assert_eq!(folder.real(), root.join("real"));
        std::fs::remove_file(root.join("link")).unwrap();
        symlink("/", root.join("link")).unwrap();
        assert!(folder.by_handle().join("file").exists());
        assert!(Folder::open(&root.join("real/file")).is_err());
    }

    #[test]
    fn a_folder_that_is_not_where_it_says_is_not_opened() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        std::fs::create_dir(root.join("gone")).unwrap();
        let held = std::fs::File::open(root.join("gone")).unwrap().into();
        std::fs::remove_dir(root.join("gone")).unwrap();
        // The name under which the system shows what is there no more.
        std::fs::create_dir(root.join("gone (deleted)")).unwrap();
        assert!(Folder::open(&by_handle(&held)).is_err());
        assert!(Folder::open(&root.join("gone (deleted)")).is_ok());
    }
}
