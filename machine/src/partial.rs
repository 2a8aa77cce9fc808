//! Files that arrive in pieces, over as many connections as it takes: `NAME.part`, whose length says where to go
//! on. Everything here blocks.
//!
//! Files that are in memory as a whole are [`crate::file`]'s.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use crate::lock;
use crate::{clock, file};

/// The partial files of one folder. A cheap handle: clones share which of the files are open.
#[derive(Clone, Debug)]
pub struct PartialFiles {
    folder: PathBuf,
    /// How many bytes are missing of each file that is open, by its name.
    open: Arc<Mutex<HashMap<String, u64>>>,
}

/// A file that grows until it has the size that was announced. Its bytes stay on disk when this is dropped, so
/// that the next connection that brings the file goes on from there.
#[derive(Debug)]
pub struct PartialFile {
    files: PartialFiles,
    name: String,
    path: PathBuf,
    file: File,
    length: u64,
    size: u64,
}

/// Why bytes were not taken.
#[derive(Debug, thiserror::Error)]
pub enum PartialError {
    /// There would be more bytes than were announced, which is this many. None of them was written.
    #[error("is larger than the {0} bytes that were announced")]
    TooMany(u64),
    /// The bytes cannot be written. Nothing is left of the file.
    #[error(transparent)]
    Unwritable(io::Error),
}

impl PartialFiles {
    /// The partial files of this folder, which is made when one of them is opened.
    pub fn of(folder: PathBuf) -> Self {
        Self { folder, open: Arc::default() }
    }

    /// Opens what has arrived of a file of this name, or begins the file. `size` is how many bytes it is to have:
    /// what is larger than that cannot be right, and is begun anew.
    ///
    /// Only one file of a name may be open at a time, which the caller sees to.
    ///
    /// # Errors
    /// Where the folder or the file cannot be made or opened.
    pub fn open(&self, name: &str, size: u64) -> io::Result<PartialFile> {
        file::create_private_folder(&self.folder)?;
        let path = self.path(name);
        let file = OpenOptions::new().append(true).create(true).mode(0o600).open(&path)?;
        let mut length = file.metadata()?.len();
        if length > size {
            file.set_len(0)?;
            length = 0;
        }
        let partial = PartialFile { files: self.clone(), name: name.to_owned(), path, file, length, size };
        partial.note_missing();
        Ok(partial)
    }

    /// The path at which the bytes of a file lie, if any have arrived.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.{ENDING}"))
    }

    /// Removes what has arrived of a file.
    pub fn discard(&self, name: &str) {
        file::discard(&self.path(name));
    }

    /// How many bytes the files that are open still have to take, all together: room that is spoken for.
    pub fn missing(&self) -> u64 {
        self.lock().values().fold(0, |all, missing| all.saturating_add(*missing))
    }

    /// Removes files that nobody has added to for longer than `age`, and then the oldest ones until the rest has
    /// at most `budget` bytes. Files that are open or `spared` stay, and do not count.
    ///
    /// # Errors
    /// Where the folder cannot be read.
    pub fn tidy(&self, age: Duration, budget: u64, spared: impl Fn(&str) -> bool) -> io::Result<()> {
        let (now, mut left) = (clock::now(), budget);
        for (name, metadata) in self.list()? {
            if spared(&name) || self.lock().contains_key(&name) {
                continue;
            }
            let is_old =
                metadata.modified().is_ok_and(|at| now.duration_since(at).is_ok_and(|since| since > age));
            match left.checked_sub(metadata.len()) {
                Some(rest) if !is_old => left = rest,
                _ => self.discard(&name),
            }
        }
        Ok(())
    }

    /// The names of the partial files in the folder, the last written first.
    fn list(&self) -> io::Result<Vec<(String, Metadata)>> {
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut files: Vec<(String, Metadata)> = entries
            .filter_map(|entry| {
                let entry = entry.ok()?;
                let name = Path::new(&entry.file_name())
                    .to_str()?
                    .strip_suffix(ENDING)?
                    .strip_suffix('.')?
                    .to_owned();
                Some((name, entry.metadata().ok()?))
            })
            .collect();
        files.sort_by_key(|(_, metadata)| Reverse(metadata.modified().ok()));
        Ok(files)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, u64>> {
        lock::hold(&self.open)
    }
}

impl PartialFile {
    /// How many bytes have arrived.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// How many bytes are missing.
    pub fn missing(&self) -> u64 {
        self.size.saturating_sub(self.length)
    }

    /// The path at which the bytes lie until [`PartialFile::persist`].
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// [`PartialError::TooMany`] where there would be more than were announced, and [`PartialError::Unwritable`]
    /// where the disk does not take them.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), PartialError> {
        if bytes.len() as u64 > self.missing() {
            return Err(PartialError::TooMany(self.size));
        }
        self.file.write_all(bytes).map_err(|error| {
            self.discard();
            PartialError::Unwritable(error)
        })?;
        self.length += bytes.len() as u64;
        self.note_missing();
        Ok(())
    }

    /// Reads all bytes that have arrived.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub fn read(&self) -> io::Result<Vec<u8>> {
        fs::read(&self.path)
    }

    /// Moves the file to `place`, and returns once that is on disk. Whether its bytes are the right ones, the
    /// caller has checked.
    ///
    /// # Errors
    /// Where it cannot be synced or renamed.
    pub fn persist(self, place: &Path) -> io::Result<()> {
        self.file.sync_all()?;
        fs::rename(&self.path, place)?;
        file::sync_folder(&self.files.folder)
    }

    /// Removes the file, because it is of no use.
    pub fn discard(&self) {
        file::discard(&self.path);
    }

    fn note_missing(&self) {
        self.files.lock().insert(self.name.clone(), self.missing());
    }
}

impl Drop for PartialFile {
    fn drop(&mut self) {
        self.files.lock().remove(&self.name);
    }
}

/// The ending of the names of partial files.
const ENDING: &str = "part";

#[cfg(test)]
mod tests {
    use super::*;

    fn files() -> (tempfile::TempDir, PartialFiles) {
        let dir = tempfile::tempdir().expect("a folder");
        let files = PartialFiles::of(dir.path().join("partial"));
        (dir, files)
    }

    fn names(files: &PartialFiles) -> Vec<String> {
        files.list().expect("read").into_iter().map(|(name, _)| name).collect()
    }

    #[test]
    fn what_has_come_is_gone_on_with_and_put_in_its_place_when_it_is_whole() {
        let (dir, files) = files();
        let mut file = files.open("a", 6).expect("opened");
        file.write(b"abc").expect("written");
        drop(file);
        let mut file = files.open("a", 6).expect("opened");
        assert_eq!((file.length(), file.missing(), files.missing()), (3, 3, 3));
        file.write(b"def").expect("whole");
        assert_eq!(file.read().expect("read"), b"abcdef");
        let place = dir.path().join("place");
        file.persist(&place).expect("put");
        assert_eq!((fs::read(place).expect("read"), names(&files)), (b"abcdef".to_vec(), Vec::new()));
        assert_eq!(files.missing(), 0);
    }

    #[test]
    fn more_than_was_announced_is_never_taken() {
        let (_dir, files) = files();
        let mut file = files.open("a", 3).expect("opened");
        assert!(matches!(file.write(b"abcd"), Err(PartialError::TooMany(3))));
        file.write(b"abc").expect("as many as were announced");
        drop(file);
        // Of a file of this size there cannot be more than it has.
        assert_eq!(files.open("a", 2).expect("opened").length(), 0);
    }

    #[test]
    fn nothing_is_left_of_what_cannot_be_written() {
        let (_dir, files) = files();
        let mut file = files.open("a", 3).expect("opened");
        file.file = File::open(file.path()).expect("opened for reading alone");
        assert!(matches!(file.write(b"abc"), Err(PartialError::Unwritable(_))));
        assert_eq!(names(&files), Vec::<String>::new());
    }

    #[test]
    fn old_ones_go_and_the_oldest_beyond_the_budget_but_none_that_is_open_or_spared() {
        let (_dir, files) = files();
        for (name, age) in [("0", 10), ("1", 20), ("2", 30), ("3", 1000)] {
            let mut file = files.open(name, 10).expect("opened");
            file.write(&[0; 10]).expect("written");
            file.file.set_modified(clock::now() - Duration::from_secs(age)).expect("aged");
        }
        let left = |age, budget, spared: &str| {
            files.tidy(Duration::from_secs(age), budget, |name| name == spared).expect("read");
            names(&files)
        };
        assert_eq!(left(2000, 100, ""), ["0", "1", "2", "3"]);
        assert_eq!(left(500, 100, "3"), ["0", "1", "2", "3"]);
        assert_eq!(left(500, 30, ""), ["0", "1", "2"]);
        let open = files.open("1", 10).expect("opened");
        assert_eq!(left(500, 10, "2"), ["0", "1", "2"]);
        drop(open);
        assert_eq!(left(500, 10, "2"), ["0", "2"]);
        assert_eq!(left(5, 10, ""), Vec::<String>::new());
    }

    #[test]
    fn a_folder_that_was_never_made_has_none() {
        let (_dir, files) = files();
        files.tidy(Duration::ZERO, 0, |_| false).expect("nothing to do");
        assert!(names(&files).is_empty());
    }

    #[test]
    fn only_their_owner_can_read_them() {
        use std::os::unix::fs::PermissionsExt as _;
        let (_dir, files) = files();
        let file = files.open("a", 3).expect("opened");
        let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
        assert_eq!((mode(&files.folder), mode(file.path())), (0o700, 0o600));
    }
}
