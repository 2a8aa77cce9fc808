//! What every user of the host may read: `public` in `files`.
//!
//! The host itself says what that is, by the permissions of a file and of all folders above it. So nobody has to list what
//! is secret, and what is made tomorrow is held to it too.

use std::fs::{self, Metadata};
use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use nix::sys::statfs::{PROC_SUPER_MAGIC, Statfs, fstatfs, statfs};
use wasmtime_wasi::filesystem::Descriptor;

use super::Handle;
use super::looks::Look;
use super::rules::Refusal;
use crate::policy::{FileGrant, FileMode, Shown};
use crate::sandbox::guest::Guest;

/// The permission of everybody to read a file, or to list a folder.
const READ: u32 = 0o4;
/// The permission of everybody to reach what is in a folder.
const SEARCH: u32 = 0o1;

impl Guest {
    /// Whether what a guest has opened may be shown to it. What may not goes to the audit log.
    ///
    /// This looks at what is open, so that nobody can put something else in its place meanwhile.
    pub(super) fn check_public(&self, opened: &Handle, words: &str) -> Result<(), Refusal> {
        let is_held = self.files.open.get(&opened.rep()).is_some_and(|open| open.public.is_some());
        if !is_held || self.table.get(opened).is_ok_and(|opened| may_be_read(opened).unwrap_or(false)) {
            return Ok(());
        }
        self.job.denied_unless("files", words, |grants| {
            let full = self.path(opened, "");
            grants.files.iter().any(|grant| gives_all(grant, FileMode::ReadOnly) && grant.covers(&full))
        });
        Err(Refusal::NotPermitted)
    }
}

/// Whether a grant gives what the permissions of the host do not make public.
pub(super) fn gives_all(grant: &FileGrant, mode: FileMode) -> bool {
    grant.shown == Shown::All && (mode == FileMode::ReadOnly || grant.mode == FileMode::ReadWrite)
}

/// Whether every user of the host may get to what is at a path, and look at it.
pub(super) fn is_reachable(path: &Path, look: Look) -> bool {
    let real = match (look, path.parent(), path.file_name()) {
        (Look::Itself, Some(parent), Some(name)) => parent.canonicalize().map(|parent| parent.join(name)),
        _ => path.canonicalize(),
    };
    match real {
        Ok(real) => is_searchable(&real),
        // Whether it is there is nobody's to know who could not look for it.
        Err(_) => {
            let above = path.ancestors().skip(1).find_map(|above| above.canonicalize().ok());
            above.is_some_and(|above| is_searchable(&above.join("it")))
        }
    }
}

/// Whether every user may read what is open here.
fn may_be_read(opened: &Descriptor) -> io::Result<bool> {
    let file = match opened {
        Descriptor::File(file) => &file.file,
        Descriptor::Dir(folder) => &folder.dir,
    };
    let real = fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd()))?;
    let (found, named) = (file.metadata()?, fs::symlink_metadata(&real)?);
    // A path that leads to something else says nothing of what is open.
    let is_there = (found.dev(), found.ino()) == (named.dev(), named.ino());
    Ok(is_there && !is_of_processes(fstatfs(file.as_fd())?) && allows(&found, READ) && is_searchable(&real))
}

/// Whether every user may go through all folders above a path without links.
fn is_searchable(real: &Path) -> bool {
    let may_pass = |above: &Path| fs::metadata(above).is_ok_and(|found| allows(&found, SEARCH));
    real.is_absolute()
        && real.ancestors().skip(1).all(may_pass)
        && real.parent().is_none_or(|above| statfs(above).is_ok_and(|system| !is_of_processes(system)))
}

/// Whether it is the file system of processes, which decides by who asks and not by permissions: what it shows to the
/// minion it shows to nobody else.
fn is_of_processes(system: Statfs) -> bool {
    system.filesystem_type() == PROC_SUPER_MAGIC
}

fn allows(found: &Metadata, permission: u32) -> bool {
    found.permissions().mode() & permission != 0
}

#[allow(clippy::unwrap_used)]
#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn allow(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn what_is_public_is_told_by_all_folders_above_it_wherever_links_lead() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        allow(&root, 0o755);
        fs::create_dir_all(root.join("secret/open")).unwrap();
        fs::write(root.join("secret/open/file"), "").unwrap();
        fs::write(root.join("file"), "").unwrap();
        symlink(root.join("secret/open/file"), root.join("link")).unwrap();
        assert!(is_reachable(&root.join("secret/open/file"), Look::Itself));
        allow(&root.join("secret"), 0o700);
        for hidden in ["secret/open/file", "secret/open", "secret/nothing", "secret/open/nothing"] {
            assert!(!is_reachable(&root.join(hidden), Look::Itself), "{hidden}");
            assert!(!is_reachable(&root.join(hidden), Look::Followed), "{hidden}");
        }
        for shown in ["file", "secret", "nothing", "link"] {
            assert!(is_reachable(&root.join(shown), Look::Itself), "{shown}");
        }
        assert!(!is_reachable(&root.join("link"), Look::Followed));
        assert!(!is_reachable(Path::new("/proc/self/environ"), Look::Itself));
        assert!(!is_reachable(Path::new("/proc/nothing"), Look::Itself));
        // Whoever lists the folder above has to look at it.
        assert!(is_reachable(Path::new("/proc"), Look::Itself));
    }
}
