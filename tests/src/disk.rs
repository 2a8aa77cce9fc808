//! Small disks of their own, which a test can fill and write-protect.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Once;

use nix::errno::Errno;
use nix::sys::statvfs::statvfs;

use crate::said::say_skipped;

/// A disk in memory, mounted for as long as this lives.
pub struct Disk {
    place: PathBuf,
}

impl Disk {
    /// A disk of this size on the folder `place`, which is made; `None` where this machine does not let us
    /// mount one, which is said on stderr.
    ///
    /// # Panics
    /// Where the folder cannot be made.
    pub fn mount(place: &Path, mebibytes: u32) -> Option<Self> {
        static LEFTOVERS: Once = Once::new();
        LEFTOVERS.call_once(clear_leftovers);
        fs::create_dir_all(place).unwrap_or_else(|error| panic!("cannot make {place:?}: {error}"));
        let (size, source) =
            (format!("size={mebibytes}m,mode=0700"), format!("{SOURCE}{}", std::process::id()));
        match run(Command::new("mount").args(["-t", "tmpfs", "-o", &size, &source]).arg(place)) {
            Ok(()) => Some(Self { place: place.to_owned() }),
            Err(why) => {
                say_skipped(&format!("there can be no disks in memory here: {why}"));
                None
            }
        }
    }

    /// Fills it until this many bytes are free.
    ///
    /// # Panics
    /// Where it cannot be written for another reason than that it is full.
    pub fn fill_to(&self, free: u64) {
        let mut ballast = File::options()
            .append(true)
            .create(true)
            .open(self.ballast())
            .unwrap_or_else(|error| panic!("no ballast: {error}"));
        loop {
            let excess = self.free().saturating_sub(free);
            let piece = vec![1; usize::try_from(excess.min(PIECE)).unwrap_or_default()];
            match ballast.write_all(&piece) {
                Ok(()) if piece.is_empty() => return,
                Ok(()) => {}
                // Others write to it as well.
                Err(error) if error.raw_os_error() == Some(Errno::ENOSPC as i32) => return,
                Err(error) => panic!("cannot fill {:?}: {error}", self.place),
            }
        }
    }

    /// Makes room again.
    ///
    /// # Panics
    /// Where that does not work.
    pub fn clear(&self) {
        fs::remove_file(self.ballast()).unwrap_or_else(|error| panic!("no room again: {error}"));
    }

    /// Lets nobody write to it any more.
    pub fn protect(&self) {
        self.remount("ro");
    }

    /// Lets everybody write to it again.
    pub fn release(&self) {
        self.remount("rw");
    }

    fn free(&self) -> u64 {
        let disk = statvfs(&self.place).unwrap_or_else(|error| panic!("{:?}: {error}", self.place));
        disk.blocks_available() * disk.fragment_size()
    }

    fn ballast(&self) -> PathBuf {
        self.place.join("ballast")
    }

    fn remount(&self, mode: &str) {
        let options = format!("remount,{mode}");
        run(Command::new("mount").args(["-o", &options]).arg(&self.place))
            .unwrap_or_else(|error| panic!("{error}"));
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        unmount(&self.place);
    }
}

/// Unmounts the disks of test processes that are gone.
fn clear_leftovers() {
    let mounts = fs::read_to_string("/proc/mounts").unwrap_or_default();
    for line in mounts.lines() {
        let mut words = line.split(' ');
        let owner = words.next().and_then(|source| source.strip_prefix(SOURCE)?.parse::<u32>().ok());
        if let (Some(owner), Some(place)) = (owner, words.next())
            && !Path::new(&format!("/proc/{owner}")).exists()
        {
            unmount(Path::new(place));
        }
    }
}

/// Unmounts a disk even while someone uses it. One that is not mounted any more needs nothing.
fn unmount(place: &Path) {
    let _ = run(Command::new("umount").arg("--lazy").arg(place));
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        Ok(())
    } else {
        Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr).trim()))
    }
}

const SOURCE: &str = "overlord-rig-";
const PIECE: u64 = 1 << 20;
