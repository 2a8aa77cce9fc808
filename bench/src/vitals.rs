//! What a process takes of its host, as `/proc` tells it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// What a process has at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Vitals {
    /// Resident memory, in bytes.
    pub resident: u64,
    /// Open file handles.
    pub handles: u64,
    /// Child processes.
    pub children: u64,
}

impl Vitals {
    /// Those of the process with this id. Fails where it is not there, or is another user's.
    pub fn of(process: u32) -> io::Result<Self> {
        let dir = PathBuf::from(format!("/proc/{process}"));
        let status = fs::read_to_string(dir.join("status"))?;
        // A process that has ended and was not waited for has no memory.
        let resident = resident(&status).ok_or(io::ErrorKind::NotFound)?;
        let handles = fs::read_dir(dir.join("fd"))?.count() as u64;
        Ok(Self { resident, handles, children: children(&dir)? })
    }
}

/// The resident memory in the text of `/proc/PID/status`, in bytes.
fn resident(status: &str) -> Option<u64> {
    let value = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = value.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

fn children(dir: &Path) -> io::Result<u64> {
    let mut all = 0;
    for thread in fs::read_dir(dir.join("task"))? {
        match fs::read_to_string(thread?.path().join("children")) {
            Ok(ids) => all += ids.split_whitespace().count() as u64,
            // The thread has ended since the folder was read.
            Err(error) if matches!(error.raw_os_error(), Some(NO_ENTRY | NO_PROCESS)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(all)
}

const NO_ENTRY: i32 = nix::errno::Errno::ENOENT as i32;
const NO_PROCESS: i32 = nix::errno::Errno::ESRCH as i32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resident_memory_is_read_in_bytes() {
        let status = "Name:\tminion\nVmPeak:\t  90000 kB\nVmRSS:\t    1536 kB\nThreads:\t4\n";
        assert_eq!(resident(status), Some(1536 * 1024));
    }

    #[test]
    fn a_process_that_is_over_has_no_resident_memory() {
        assert_eq!(resident("Name:\tminion\nState:\tZ (zombie)\n"), None);
    }

    #[test]
    fn a_process_can_look_at_itself() {
        let vitals = Vitals::of(std::process::id()).expect("we are there");
        assert!(vitals.resident > 0 && vitals.handles > 0, "{vitals:?}");
    }
}
