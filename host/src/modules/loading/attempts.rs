//! Loads that were begun: what ends the minion while it loads is not tried again at every start.
//!
//! A marker is on disk while a version is loaded, so one that is there at the next start was left by a death. That
//! may have been anybody's doing, a power cut's or that of another version, which was loaded at the same time: so it
//! is tried once more, alone, and only the second death counts as its own.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::SystemTime;

use machine::lock;
use wire::digest::Digest;

use crate::modules::error::Refusal;
use crate::modules::files;

/// The loads of this minion, in this life and before.
pub(super) struct Attempts {
    /// The folder of the markers, each called by a digest, with how many loads of it were begun and not ended in it.
    path: PathBuf,
    /// What is being loaded.
    current: Mutex<HashSet<Digest>>,
    /// Read by each load, and written by that of a version under suspicion, which so goes on alone.
    loading: RwLock<()>,
}

/// One load, until it is dropped.
pub(super) struct Attempt<'a> {
    attempts: &'a Attempts,
    /// Nothing where another load of the same is under way, whose marker stands for both.
    digest: Option<Digest>,
    _loading: Loading<'a>,
}

/// The lock under which a version is loaded. It is held only to be let go of at the end.
#[allow(dead_code)]
enum Loading<'a> {
    Shared(RwLockReadGuard<'a, ()>),
    Alone(RwLockWriteGuard<'a, ()>),
}

impl Attempts {
    /// Those whose markers are in this folder, which is made when it is needed.
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, current: Mutex::default(), loading: RwLock::default() }
    }

    /// Begins to load a version: at once, or when no version is being loaded that this one must not be loaded beside. `file` is the module's file in the folder, whose owner wants it
    /// to be tried again where it was changed or touched since.
    ///
    /// # Errors
    /// Where it has ended the minion too often.
    pub(super) fn begin(&self, digest: Digest, file: &Path) -> Result<Attempt<'_>, Refusal> {
        let mut deaths = self.deaths(digest);
        if deaths >= MOST {
            if !self.is_wanted_again(digest, file) {
                return Err(self.refusal(digest, deaths));
            }
            deaths = MOST - 1;
        }
        let loading = match deaths {
            0 => Loading::Shared(lock::read(&self.loading)),
            _ => Loading::Alone(lock::write(&self.loading)),
        };
        let first = self.current().insert(digest);
        if first && let Err(error) = self.mark(digest, deaths + 1) {
            tracing::warn!(%error, "if a module ends the minion while it loads, the next start will not know");
        }
        Ok(Attempt { attempts: self, digest: first.then_some(digest), _loading: loading })
    }

    /// Whether a version is not tried any more, and yet is to be: its file was changed or touched since.
    pub(super) fn is_wanted_again(&self, digest: Digest, file: &Path) -> bool {
        let died = fs::metadata(self.marker(digest)).and_then(|metadata| metadata.modified());
        let changed = fs::metadata(file).and_then(|metadata| changed(&metadata));
        self.deaths(digest) >= MOST && matches!((died, changed), (Ok(died), Ok(changed)) if changed > died)
    }

    /// The minion stops, and what is still being loaded ends with it: that is nobody's fault.
    pub(super) fn forgive(&self) {
        for digest in self.current().drain() {
            files::discard(&self.marker(digest));
        }
    }

    /// How many loads of a version the minion did not survive.
    fn deaths(&self, digest: Digest) -> u32 {
        if self.current().contains(&digest) {
            return 0;
        }
        match fs::read_to_string(self.marker(digest)) {
            // A marker that cannot be read is one all the same.
            Ok(text) => text.trim().parse().unwrap_or(1),
            Err(_) => 0,
        }
    }

    fn mark(&self, digest: Digest, deaths: u32) -> io::Result<()> {
        fs::create_dir_all(&self.path)?;
        files::replace(&self.marker(digest), deaths.to_string().as_bytes())
    }

    fn marker(&self, digest: Digest) -> PathBuf {
        self.path.join(digest.to_string())
    }

    fn refusal(&self, digest: Digest, deaths: u32) -> Refusal {
        Refusal::new(format!(
            "ended the minion while it loaded, {deaths} times, and is not tried again: give another build of it, or touch \
             its file to have it tried once more; where it was pushed, remove \"{}\" and push it again",
            self.marker(digest).display()
        ))
    }

    fn current(&self) -> MutexGuard<'_, HashSet<Digest>> {
        lock::hold(&self.current)
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if let Some(digest) = self.digest
            && self.attempts.current().remove(&digest)
        {
            files::discard(&self.attempts.marker(digest));
        }
    }
}

/// When a file was written, touched, or put where it is.
fn changed(metadata: &fs::Metadata) -> io::Result<SystemTime> {
    use std::os::unix::fs::MetadataExt as _;
    use std::time::Duration;
    let seconds = u64::try_from(metadata.ctime()).unwrap_or(0);
    let nanoseconds = u32::try_from(metadata.ctime_nsec()).unwrap_or(0);
    Ok(SystemTime::UNIX_EPOCH + Duration::new(seconds, nanoseconds))
}

/// How many deaths are too many.
const MOST: u32 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    /// Begins to load and dies.
    fn die(folder: &Path, digest: Digest, file: &Path) {
        let attempts = Attempts::new(folder.to_owned());
        std::mem::forget(attempts.begin(digest, file).map_err(|refusal| refusal.reason).expect("tried"));
    }

    fn reason(folder: &Path, digest: Digest, file: &Path) -> Option<String> {
        Attempts::new(folder.to_owned()).begin(digest, file).err().map(|refusal| refusal.reason)
    }

    #[test]
    fn what_ends_the_minion_twice_is_not_tried_until_its_file_is_touched() {
        let dir = tempfile::tempdir().expect("a folder");
        let (file, folder, digest) = (dir.path().join("a.wasm"), dir.path().join("l"), Digest::of(b"a"));
        fs::write(&file, b"a").expect("written");
        die(&folder, digest, &file);
        die(&folder, digest, &file);
        let told = reason(&folder, digest, &file).expect("refused");
        assert!(
            told.starts_with("ended the minion while it loaded, 2 times") && told.contains("touch"),
            "{told}"
        );
        assert_eq!(reason(&folder, Digest::of(b"another build"), &file), None);

        // The system's clock for files moves in steps.
        let end = std::time::Instant::now() + std::time::Duration::from_secs(60);
        while !Attempts::new(folder.clone()).is_wanted_again(digest, &file) {
            assert!(std::time::Instant::now() < end, "it looks the same");
            fs::write(&file, b"a").expect("touched");
        }
        die(&folder, digest, &file);
        assert!(reason(&folder, digest, &file).is_some(), "one death more is enough");
    }

    #[test]
    fn one_death_is_forgotten_with_the_next_load_that_ends_and_so_is_a_stop() {
        let dir = tempfile::tempdir().expect("a folder");
        let (file, digest) = (dir.path().join("a.wasm"), Digest::of(b"a"));
        for _ in 0..5 {
            die(dir.path(), digest, &file);
            assert_eq!(reason(dir.path(), digest, &file), None);
        }
        for _ in 0..5 {
            let attempts = Attempts::new(dir.path().to_owned());
            std::mem::forget(attempts.begin(digest, &file).map_err(|refusal| refusal.reason).expect("tried"));
            attempts.forgive();
        }
        assert_eq!(reason(dir.path(), digest, &file), None);
    }

    #[test]
    fn a_marker_that_cannot_be_read_or_written_keeps_nobody_from_loading() {
        let dir = tempfile::tempdir().expect("a folder");
        let (file, digest) = (dir.path().join("a.wasm"), Digest::of(b"a"));
        fs::write(dir.path().join(digest.to_string()), [0xff, 0]).expect("written");
        assert_eq!(reason(dir.path(), digest, &file), None);
        fs::write(dir.path().join("none"), b"").expect("written");
        assert_eq!(reason(&dir.path().join("none"), digest, &file), None);
    }
}
