//! What every user of the host may read: `public` in `files`.
//!
//! The host itself says what that is, by the permissions of a file and of all folders above it. So nobody has to
//! list the secret files, and a file that is made tomorrow is treated in the same way. All of this is asked of
//! files that are held open, never of a path.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use nix::fcntl::{OFlag, openat};
use nix::sys::stat::Mode;
use nix::sys::statfs::{
    BPF_FS_MAGIC, DEBUGFS_MAGIC, FsType, PROC_SUPER_MAGIC, SECURITYFS_MAGIC, SELINUX_MAGIC, SMACK_MAGIC,
    SYSFS_MAGIC, TRACEFS_MAGIC, XENFS_SUPER_MAGIC, fstatfs,
};

/// The permission that lets everybody read a file, or list a folder.
const READ: u32 = 0o4;
/// The permission that lets everybody reach what is in a folder.
const SEARCH: u32 = 0o1;
/// How many folders may lie above one: half as many as a path has letters.
const DEEPEST: usize = 2048;
/// The flags that hold a folder without opening it.
const HELD: OFlag = OFlag::O_PATH.union(OFlag::O_DIRECTORY).union(OFlag::O_CLOEXEC);

/// The file systems of the kernel, which decide by who asks and not by permissions alone: what they show to the
/// minion they show to nobody else, as the memory of programs, or the whole configuration of a device of which
/// others see a part. The numbers without a name are those of `pstore`, `configfs` and `efivarfs`.
const BY_WHO_ASKS: [FsType; 12] = [
    PROC_SUPER_MAGIC,
    SYSFS_MAGIC,
    SECURITYFS_MAGIC,
    DEBUGFS_MAGIC,
    TRACEFS_MAGIC,
    BPF_FS_MAGIC,
    SELINUX_MAGIC,
    SMACK_MAGIC,
    XENFS_SUPER_MAGIC,
    FsType(0x6165_676c),
    FsType(0x6265_6570),
    FsType(0xde5e_81e4),
];

/// Whether every user who gets to a folder may look for something in it.
pub(super) fn is_searchable(folder: &File) -> io::Result<bool> {
    Ok(allows(&folder.metadata()?, SEARCH) && !decides_by_who_asks(folder)?)
}

/// Whether every user who gets there may read a file or list a folder.
pub(super) fn may_be_read(file: &File) -> io::Result<bool> {
    Ok(allows(&file.metadata()?, READ) && !decides_by_who_asks(file)?)
}

/// Whether every user may go through all folders above this one.
pub(super) fn is_reachable(folder: &File) -> io::Result<bool> {
    let top = File::options().read(true).custom_flags(HELD.bits()).open(Path::new("/"))?.metadata()?;
    let mut here = (folder.metadata()?, above(folder)?);
    for _ in 0..DEEPEST {
        let (below, folder) = here;
        let found = folder.metadata()?;
        // A folder can be mounted in itself; only the top of all has nothing but itself above it.
        if is_same(&below, &found) && is_same(&found, &top) {
            return Ok(true);
        }
        if !allows(&found, SEARCH) {
            return Ok(false);
        }
        let next = above(&folder)?;
        here = (found, next);
    }
    Ok(false)
}

fn decides_by_who_asks(file: &File) -> io::Result<bool> {
    Ok(BY_WHO_ASKS.contains(&fstatfs(file)?.filesystem_type()))
}

/// The folder above one, held without opening it.
pub(super) fn above(folder: &File) -> io::Result<File> {
    Ok(openat(folder, "..", HELD, Mode::empty())?.into())
}

/// Whether both are of the same thing.
pub(super) fn is_same(one: &Metadata, other: &Metadata) -> bool {
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

fn allows(found: &Metadata, permission: u32) -> bool {
    found.permissions().mode() & permission != 0
}
