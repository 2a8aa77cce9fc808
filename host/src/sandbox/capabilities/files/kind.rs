//! What kind of thing is at a path.

use std::fs::File;
use std::io;

/// What kind of thing is at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A file of bytes.
    File,
    /// A folder.
    Folder,
    /// A symbolic link.
    Link,
    /// A pipe, a socket or a device.
    Other,
}

impl Kind {
    /// The kind of a thing that is held or open.
    pub(super) fn of(file: &File) -> io::Result<Self> {
        let kind = file.metadata()?.file_type();
        Ok(match () {
            () if kind.is_file() => Self::File,
            () if kind.is_dir() => Self::Folder,
            () if kind.is_symlink() => Self::Link,
            () => Self::Other,
        })
    }
}
