//! Writing an audit log: opened, added to, and going on in another file where one is full.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

use machine::lock;
use wire::digest::Digest;

use crate::chain;
use crate::error::{AuditError, failed};
use crate::files::{Rotation, earlier, folder, numbered};
use crate::settings::Settings;
use crate::syslog::{Forward, Forwarder};

/// An audit log that is being written. One process at a time may write it.
pub struct AuditLog {
    path: PathBuf,
    rotation: Rotation,
    forwarder: Option<Forwarder>,
    tail: Mutex<Tail>,
}

/// The end of the log, behind which the next entry goes.
struct Tail {
    file: File,
    length: u64,
    chain: Digest,
    /// The number of the file before; 0 where there is none.
    before: u64,
    /// The length from which on the log goes on in another file, in bytes.
    full: u64,
}

impl AuditLog {
    /// Opens a log, or makes one that only its owner can read, with files of the usual size: see
    /// [`Rotation::default`].
    ///
    /// # Errors
    /// As [`AuditLog::open_rotating`].
    pub fn open(path: &Path) -> Result<Self, AuditError> {
        Self::open_rotating(path, Rotation::default())
    }

    /// Opens a log, or makes one that only its owner can read, with files of this size.
    ///
    /// A last line that a power cut left incomplete is removed: nobody was told that it was written.
    ///
    /// # Errors
    /// [`AuditError::File`], where the file cannot be opened or read.
    pub fn open_rotating(path: &Path, rotation: Rotation) -> Result<Self, AuditError> {
        let tail = Tail::open(path, rotation).map_err(|source| failed("open", path, source))?;
        Ok(Self { path: path.to_owned(), rotation, forwarder: None, tail: Mutex::new(tail) })
    }

    /// Opens the log of this program as its configuration says.
    ///
    /// # Errors
    /// As [`AuditLog::open_rotating`].
    pub fn open_as(settings: &Settings, path: &Path, program: &'static str) -> Result<Self, AuditError> {
        let log = Self::open_rotating(path, Rotation::from(settings))?;
        let forwarder = match settings.forward {
            Forward::Off => None,
            Forward::Syslog => {
                Some(Forwarder::start(program).map_err(|source| failed("hand on", path, source))?)
            }
        };
        Ok(Self { forwarder, ..log })
    }

    /// Adds an entry: the text of a JSON object with at least one member, on one line.
    ///
    /// The entry is in the hands of the system when this returns; [`AuditLog::sync`] puts it on disk.
    ///
    /// # Errors
    /// [`AuditError::File`], where it cannot be written. Nothing was added then.
    pub fn append(&self, entry: &str) -> Result<(), AuditError> {
        let mut tail = self.tail();
        if tail.length >= tail.full
            && let Err(error) = tail.rotate(&self.path, self.rotation)
        {
            // The log goes on in the file that is full, and another one is tried once the file has grown by as
            // much again.
            tracing::warn!(file = %self.path.display(), %error, "the audit log goes on in a file that is full");
            tail.full = tail.length.saturating_add(self.rotation.size);
        }
        tail.append(entry).map_err(|source| failed("write", &self.path, source))?;
        if let Some(forwarder) = &self.forwarder {
            forwarder.send(entry);
        }
        Ok(())
    }

    /// Puts on disk what was added.
    ///
    /// # Errors
    /// [`AuditError::File`], where the disk does not take it.
    pub fn sync(&self) -> Result<(), AuditError> {
        self.tail().file.sync_data().map_err(|source| failed("write", &self.path, source))
    }

    fn tail(&self) -> MutexGuard<'_, Tail> {
        lock::hold(&self.tail)
    }
}

impl Tail {
    fn open(path: &Path, rotation: Rotation) -> io::Result<Self> {
        let earlier = earlier(path)?;
        let mut file = file(path)?;
        let (length, mut chain) = chain::tail(&mut file)?;
        file.set_len(length)?;
        file.seek(SeekFrom::Start(length))?;
        let before = earlier.last().map_or(0, |(number, _)| *number);
        if let (0, Some((_, last))) = (length, earlier.last()) {
            // The process before this one ended between two files.
            chain = chain::tail(&mut File::open(last)?)?.1;
        }
        let tail = Self { file, length, chain, before, full: rotation.size };
        tail.prune(path, rotation);
        Ok(tail)
    }

    /// Adds an entry. Where it is the first of a file, an entry before it says which file this one goes on from.
    fn append(&mut self, entry: &str) -> io::Result<()> {
        let (mut lines, mut chain) = (String::new(), self.chain);
        if self.length == 0 && self.before > 0 {
            (lines, chain) = chain::line(&chain, &chain::continuation(self.before, &chain));
        }
        let (line, chain) = chain::line(&chain, entry);
        lines.push_str(&line);
        if let Err(error) = self.file.write_all(lines.as_bytes()) {
            // A part of the entry may be there. Where it cannot be removed now, opening the log removes it.
            let length = self.length;
            let _ = self.file.set_len(length).and_then(|()| self.file.seek(SeekFrom::Start(length)));
            return Err(error);
        }
        self.length += lines.len() as u64;
        self.chain = chain;
        Ok(())
    }

    /// Gives the file a number and goes on in a new one. A process that dies in between leaves no file under the
    /// log's own name, or an empty one; then the last file with a number says what the log goes on from.
    fn rotate(&mut self, path: &Path, rotation: Rotation) -> io::Result<()> {
        // From now on, a sync only reaches the new file.
        self.file.sync_data()?;
        let number = self.before + 1;
        let aside = numbered(path, number);
        match fs::rename(path, &aside) {
            // Someone has removed the file, or an attempt before this one came no further.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            renamed => renamed?,
        }
        match file(path) {
            Ok(file) => self.file = file,
            Err(error) => {
                // The file gets its old name back, for what is written into it from now on.
                fs::rename(&aside, path)?;
                return Err(error);
            }
        }
        (self.length, self.before, self.full) = (0, number, rotation.size);
        File::open(folder(path))?.sync_all()?;
        self.prune(path, rotation);
        Ok(())
    }

    /// Removes the earlier files that are too many.
    fn prune(&self, path: &Path, rotation: Rotation) {
        let earlier = earlier(path).unwrap_or_default();
        for (_, file) in &earlier[..earlier.len().saturating_sub(rotation.files)] {
            if let Err(error) = fs::remove_file(file) {
                tracing::warn!(file = %file.display(), %error, "an old file of the audit log stays");
            }
        }
    }
}

fn file(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

#[allow(clippy::unwrap_used)]
#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::audit_files;
    use crate::verify::Verified;

    fn log(entries: usize) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("audit.jsonl");
        for n in 0..entries {
            // Opened for each one, as by a daemon that is restarted.
            AuditLog::open(&path).unwrap().append(&format!("{{\"n\":{n}}}")).unwrap();
        }
        (dir, path)
    }

    #[test]
    fn a_log_that_nobody_touched_is_whole_however_often_it_was_opened() {
        let (_dir, path) = log(5);
        let verified = Verified::check(&path).unwrap();
        assert_eq!(verified.entries, 5);
        AuditLog::open(&path).unwrap().append("{\"n\":5}").unwrap();
        assert_ne!(Verified::check(&path).unwrap().head, verified.head);
        let (_dir, empty) = log(0);
        AuditLog::open(&empty).unwrap();
        assert_eq!(Verified::check(&empty).unwrap().entries, 0);
    }

    #[test]
    fn a_tail_that_was_cut_off_is_found_by_a_witness_and_only_by_that() {
        let (_dir, path) = log(5);
        let witness = Verified::check(&path).unwrap().head;
        AuditLog::open(&path).unwrap().append("{\"n\":5}").unwrap();
        assert_eq!(Verified::check_with(&path, &witness).unwrap().entries, 6);
        assert!(Verified::check_with(&path, &Digest::ZERO).is_ok());
        let text = std::fs::read_to_string(&path).unwrap();
        let cut: Vec<&str> = text.lines().take(4).collect();
        std::fs::write(&path, cut.join("\n") + "\n").unwrap();
        assert_eq!(Verified::check(&path).unwrap().entries, 4);
        let error = Verified::check_with(&path, &witness).unwrap_err();
        assert!(matches!(error, AuditError::Cut { gone: 0, .. }), "{error}");
        // What is written in the place of what was cut off does not hide it.
        AuditLog::open(&path).unwrap().append("{\"n\":9}").unwrap();
        assert!(Verified::check_with(&path, &witness).is_err());
    }

    #[test]
    fn a_witness_from_before_the_oldest_file_that_is_left_may_be_gone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("audit.jsonl");
        let log = AuditLog::open_rotating(&path, Rotation { size: 300, files: 2 }).unwrap();
        log.append("{\"n\":0}").unwrap();
        let witness = Verified::check(&path).unwrap().head;
        for n in 1..50 {
            log.append(&format!("{{\"n\":{n}}}")).unwrap();
        }
        let error = Verified::check_with(&path, &witness).unwrap_err();
        assert!(error.to_string().contains("oldest files, which are gone"), "{error}");
    }

    #[test]
    fn what_was_altered_left_out_or_moved_is_found() {
        type Change = fn(&mut Vec<String>);
        let changes: [(Change, u64); 4] = [
            (|lines| lines[2] = lines[2].replace("\"n\":2", "\"n\":7"), 3),
            (|lines| drop(lines.remove(2)), 3),
            (|lines| lines.swap(2, 3), 3),
            (|lines| lines[4].truncate(20), 5),
        ];
        for (change, found) in changes {
            let (_dir, path) = log(5);
            let text = std::fs::read_to_string(&path).unwrap();
            let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
            change(&mut lines);
            std::fs::write(&path, lines.join("\n") + "\n").unwrap();
            match Verified::check(&path) {
                Err(AuditError::Broken { line, .. } | AuditError::NotAnEntry { line, .. }) => {
                    assert_eq!(line, found)
                }
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn an_entry_that_was_cut_off_by_a_power_cut_is_no_obstacle() {
        for kept in [0, 3] {
            let (_dir, path) = log(kept);
            let mut bytes = std::fs::read(&path).unwrap_or_default();
            bytes.extend(b"{\"n\":3,\"cha");
            std::fs::write(&path, bytes).unwrap();
            AuditLog::open(&path).unwrap().append("{\"n\":3}").unwrap();
            assert_eq!(Verified::check(&path).unwrap().entries, kept as u64 + 1);
        }
    }

    #[test]
    fn long_entries_are_found_again() {
        let (_dir, path) = log(2);
        let long = format!("{{\"text\":\"{}\"}}", "x".repeat(3 * chain::BLOCK as usize));
        AuditLog::open(&path).unwrap().append(&long).unwrap();
        AuditLog::open(&path).unwrap().append(&long).unwrap();
        AuditLog::open(&path).unwrap().append("{\"n\":1}").unwrap();
        assert_eq!(Verified::check(&path).unwrap().entries, 5);
    }

    const SMALL: Rotation = Rotation { size: 500, files: 3 };

    /// Adds so many entries to a log of small files, opened for each one.
    fn fill(path: &Path, entries: std::ops::Range<u64>, rotation: Rotation) {
        for n in entries {
            AuditLog::open_rotating(path, rotation).unwrap().append(&format!("{{\"n\":{n}}}")).unwrap();
        }
    }

    fn all_numbers(path: &Path) -> Vec<u64> {
        let text: String =
            audit_files(path).unwrap().iter().map(|file| std::fs::read_to_string(file).unwrap()).collect();
        let number = |line: &str| line.strip_prefix("{\"n\":")?.split(',').next()?.parse().ok();
        text.lines().filter_map(number).collect()
    }

    #[test]
    fn the_chain_goes_on_over_files_and_the_oldest_go() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("audit.jsonl");
        fill(&path, 0..100, SMALL);
        let files = audit_files(&path).unwrap();
        assert_eq!(files.len(), 4, "{files:?}");
        assert!(files.iter().all(|file| std::fs::metadata(file).unwrap().len() < 1000));
        let verified = Verified::check(&path).unwrap();
        assert!(verified.gone > 0 && verified.gone + 3 == earlier(&path).unwrap()[2].0, "{verified:?}");
        let numbers = all_numbers(&path);
        assert_eq!(numbers, (100 - numbers.len() as u64..100).collect::<Vec<_>>());
        assert_eq!(verified.entries, numbers.len() as u64 + files.len() as u64);

        // One in the middle that is gone, or another one, shows.
        let middle = std::fs::read_to_string(&files[1]).unwrap();
        std::fs::remove_file(&files[1]).unwrap();
        assert!(matches!(Verified::check(&path), Err(AuditError::Broken { line: 1, .. })));
        std::fs::write(&files[1], middle.replacen("\"n\":", "\"n\":1", 1)).unwrap();
        assert!(matches!(Verified::check(&path), Err(AuditError::Broken { .. })));
    }

    #[test]
    fn a_log_of_one_large_file_is_gone_on_with() {
        let (_dir, path) = log(50);
        fill(&path, 50..60, Rotation { size: 2000, files: 3 });
        assert_eq!(all_numbers(&path), (0..60).collect::<Vec<_>>());
        let verified = Verified::check(&path).unwrap();
        assert_eq!((verified.entries, verified.gone), (61, 0));
        assert_eq!(audit_files(&path).unwrap().len(), 2);
    }

    #[test]
    fn a_process_that_dies_between_two_files_breaks_no_chain() {
        for left in [None, Some(""), Some("{\"event\":\"contin")] {
            let (_dir, path) = log(5);
            // As far as a rotation came.
            std::fs::rename(&path, numbered(&path, 1)).unwrap();
            if let Some(left) = left {
                std::fs::write(&path, left).unwrap();
            }
            fill(&path, 5..8, Rotation::default());
            assert_eq!(all_numbers(&path), (0..8).collect::<Vec<_>>());
            assert_eq!(Verified::check(&path).unwrap().entries, 9);
        }
        let (_dir, path) = log(5);
        std::fs::rename(&path, numbered(&path, 1)).unwrap();
        assert_eq!(Verified::check(&path).unwrap().entries, 5, "it is whole before anyone opens it again");
    }

    #[test]
    fn a_log_whose_file_was_removed_goes_on_in_another() {
        let (_dir, path) = log(2);
        let log = AuditLog::open_rotating(&path, SMALL).unwrap();
        std::fs::remove_file(&path).unwrap();
        (2..9).for_each(|n| log.append(&format!("{{\"n\":{n}}}")).unwrap());
        assert!(path.exists());
        let numbers = all_numbers(&path);
        assert_eq!(numbers, (9 - numbers.len() as u64..9).collect::<Vec<_>>());
        assert_eq!(Verified::check(&path).unwrap().gone, 1);
    }

    #[test]
    fn a_file_that_cannot_be_put_aside_is_gone_on_with() {
        let (_dir, path) = log(2);
        let log = AuditLog::open_rotating(&path, SMALL).unwrap();
        // What the name of the next file is taken by cannot be replaced.
        std::fs::create_dir(numbered(&path, 1)).unwrap();
        (2..40).for_each(|n| log.append(&format!("{{\"n\":{n}}}")).unwrap());
        std::fs::remove_dir(numbered(&path, 1)).unwrap();
        (40..60).for_each(|n| log.append(&format!("{{\"n\":{n}}}")).unwrap());
        let numbers = all_numbers(&path);
        assert_eq!(numbers, (60 - numbers.len() as u64..60).collect::<Vec<_>>());
        assert!(audit_files(&path).unwrap().len() > 1);
        Verified::check(&path).unwrap();
    }
}
