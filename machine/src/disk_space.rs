//! How much room a disk has.

use std::io;
use std::path::Path;

use nix::sys::statvfs::statvfs;

/// How much room the disk of a path had when it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskSpace {
    /// How many bytes this process may still write there.
    pub free: u64,
    /// How many bytes the disk has in all.
    pub size: u64,
}

impl DiskSpace {
    /// The room at this moment on the disk that a path is on.
    ///
    /// # Errors
    /// Where there is no such path, or its file system does not say.
    // The types of the fields differ between systems.
    #[allow(clippy::useless_conversion, clippy::unnecessary_cast)]
    pub fn of(path: &Path) -> io::Result<Self> {
        let disk = statvfs(path)?;
        let unit = disk.fragment_size() as u64;
        let bytes = |blocks: u64| blocks.saturating_mul(unit);
        Ok(Self { free: bytes(disk.blocks_available() as u64), size: bytes(disk.blocks() as u64) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_has_no_more_free_room_than_there_is() {
        let dir = tempfile::tempdir().expect("a folder");
        let space = DiskSpace::of(dir.path()).expect("known");
        assert!(space.free <= space.size && space.size > 0, "{space:?}");
        assert!(DiskSpace::of(&dir.path().join("none")).is_err());
    }
}
