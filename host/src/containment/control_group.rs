//! Control groups (version 2): everything that a program starts is in the group of the program, whatever it does
//! to get away, and is killed with it.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::life::Life;

/// The folder of the groups of this process, below its own group.
pub(super) struct ControlGroups {
    folder: PathBuf,
    next: AtomicU64,
}

/// The group of one program.
pub(super) struct ControlGroup(PathBuf);

/// What the folders of all minions begin with; whose it is comes behind it.
const PREFIX: &str = "minion-";

impl ControlGroups {
    /// Those of this process; `None` where the host has none or does not let it make any.
    pub(super) fn of_process(life: &Life) -> Option<Self> {
        let own = own_folder()?;
        let folder = own.join(format!("{PREFIX}{life}"));
        // What cannot be made, joined or killed as a whole is of no use. Who joins must be able to leave.
        File::options().write(true).open(own.join("cgroup.procs")).ok()?;
        std::fs::create_dir(&folder).ok()?;
        let kind = std::fs::read_to_string(folder.join("cgroup.type"));
        let usable = folder.join("cgroup.kill").exists() && kind.is_ok_and(|kind| kind.trim() == "domain");
        std::fs::remove_dir(&folder).ok()?;
        usable.then(|| Self { folder, next: AtomicU64::new(0) })
    }

    /// Makes the group of one more program.
    pub(super) fn make(&self) -> io::Result<ControlGroup> {
        let group = self.folder.join(self.next.fetch_add(1, Ordering::Relaxed).to_string());
        std::fs::create_dir_all(&group)?;
        Ok(ControlGroup(group))
    }

    /// Takes the folder away, where there is nothing in it.
    pub(super) fn tidy(&self) {
        let _ = std::fs::remove_dir(&self.folder);
    }

    /// Kills what minions left behind that were killed themselves.
    pub(super) fn clear_away() {
        let Some(own) = own_folder() else { return };
        let folders = std::fs::read_dir(own).into_iter().flatten().flatten();
        let left = folders.filter(|folder| folder.file_name().to_str().is_some_and(is_left));
        for folder in left.map(|folder| folder.path()) {
            let group = ControlGroup(folder.clone());
            if group.kill().is_ok() {
                tracing::warn!(group = %folder.display(), "killed what a minion left behind that was killed");
            }
            let groups = std::fs::read_dir(&folder).into_iter().flatten().flatten();
            for group in groups.filter(|group| group.file_type().is_ok_and(|kind| kind.is_dir())) {
                ControlGroup(group.path()).remove();
            }
            group.remove();
        }
    }
}

impl ControlGroup {
    /// The file through which a process joins it.
    pub(super) fn door(&self) -> io::Result<File> {
        File::options().write(true).open(self.0.join("cgroup.procs"))
    }

    /// How many processes are in it.
    pub(super) fn count(&self) -> usize {
        std::fs::read_to_string(self.0.join("cgroup.procs")).map_or(0, |ids| ids.lines().count())
    }

    /// Kills all of them at once.
    pub(super) fn kill(&self) -> io::Result<()> {
        std::fs::write(self.0.join("cgroup.kill"), "1")
    }

    /// Takes it away; fails as long as there is a process in it.
    pub(super) fn remove(&self) -> bool {
        match std::fs::remove_dir(&self.0) {
            Ok(()) => true,
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        }
    }
}

/// The folder of the group that this process is in.
fn own_folder() -> Option<PathBuf> {
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").ok()?;
    let mount = mounts.lines().find_map(mounted)?;
    let groups = std::fs::read_to_string("/proc/self/cgroup").ok()?;
    let path = groups.lines().find_map(|line| line.strip_prefix("0::/"))?;
    Some(Path::new(mount).join(path)).filter(|folder| folder.is_dir())
}

/// Where groups of version 2 are mounted, by a line of `mountinfo`.
fn mounted(line: &str) -> Option<&str> {
    let (place, kind) = line.split_once(" - ")?;
    kind.starts_with("cgroup2 ").then(|| place.split(' ').nth(4)).flatten()
}

/// Whether a folder of this name is one of a minion that is gone.
fn is_left(name: &str) -> bool {
    let life = name.strip_prefix(PREFIX).and_then(|life| life.parse::<Life>().ok());
    life.is_some_and(Life::is_over)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mount_of_the_second_version_is_found_beside_the_first() {
        let line = "35 24 0:30 / /sys/fs/cgroup/unified rw,relatime shared:9 - cgroup2 cgroup rw";
        assert_eq!(mounted(line), Some("/sys/fs/cgroup/unified"));
        assert_eq!(mounted("36 24 0:31 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids"), None);
    }

    #[test]
    fn the_folder_of_a_living_minion_is_left_alone() {
        assert!(!is_left(&format!("{PREFIX}{}", Life::of_process())));
        assert!(!is_left("minion-of-another-kind") && !is_left("user.slice"));
    }
}
