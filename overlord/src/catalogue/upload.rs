//! A file of a module on its way in. Everything here blocks.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use wire::digest::Digest;

use super::files::{FileError, discard, failed, io_error, part, whole};

/// A file that is on its way in. What came stays when it is dropped, for whoever brings the file again.
#[derive(Debug)]
pub(crate) struct Upload {
    pub(super) dir: PathBuf,
    pub(super) digest: Digest,
    pub(super) size: u64,
    pub(super) file: File,
    pub(super) got: u64,
    pub(super) due: Due,
}

/// How many bytes each upload that is under way still has to write.
#[derive(Clone, Debug, Default)]
pub(super) struct Due(Arc<Mutex<HashMap<Digest, u64>>>);

impl Upload {
    /// How many bytes are here.
    pub(crate) fn got(&self) -> u64 {
        self.got
    }

    /// How many bytes are missing.
    pub(crate) fn missing(&self) -> u64 {
        self.size.saturating_sub(self.got)
    }

    /// Takes the next bytes. Where that fails, nothing is left of the file.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), FileError> {
        if bytes.len() as u64 > self.missing() {
            return Err(FileError::TooMany(self.size));
        }
        let path = part(&self.dir, &self.digest);
        self.file.write_all(bytes).map_err(|source| {
            discard(&path);
            failed(&self.dir, "write", &path, source)
        })?;
        self.got += bytes.len() as u64;
        self.note_due();
        Ok(())
    }

    /// Puts the file in its place, once it is known to be what was announced. Returns its bytes.
    pub(crate) fn finish(self) -> Result<Vec<u8>, FileError> {
        let path = part(&self.dir, &self.digest);
        let bytes = fs::read(&path).map_err(|source| io_error("read", &path, source))?;
        if Digest::of(&bytes) != self.digest {
            discard(&path);
            return Err(FileError::WrongDigest(self.digest));
        }
        let place = || {
            self.file.sync_all()?;
            fs::rename(&path, whole(&self.dir, &self.digest))?;
            File::open(&self.dir)?.sync_all()
        };
        place().map_err(|source| failed(&self.dir, "write", &path, source))?;
        Ok(bytes)
    }

    /// Notes what it still has to write, and says what all uploads together have.
    pub(super) fn note_due(&self) -> u64 {
        let mut due = self.due.lock();
        due.insert(self.digest, self.missing());
        due.values().sum()
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        self.due.lock().remove(&self.digest);
    }
}

impl Due {
    pub(super) fn lock(&self) -> MutexGuard<'_, HashMap<Digest, u64>> {
        // No code under this lock can panic halfway through a change.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
