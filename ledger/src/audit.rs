//! An append-only log in which no entry can be altered, left out or moved without being noticed.
//!
//! Each line is a JSON object whose last member, `chain`, is the SHA-256 of the chain of the line before and
//! of what else the line holds. Who can write the file can cut entries off its end; all else shows.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

use wire::digest::Digest;

/// A log that is being written. One process at a time may write it.
pub struct AuditLog {
    path: PathBuf,
    tail: Mutex<Tail>,
}

/// Where the next entry goes.
struct Tail {
    file: File,
    length: u64,
    chain: Digest,
}

/// What a check of a whole log found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    /// How many entries there are.
    pub entries: u64,
    /// The chain of the last one: the same as long as nothing is added, or cut off.
    pub head: Digest,
}

/// Why an audit log could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The system refused.
    #[error("cannot {action} the audit log \"{path}\": {source}")]
    File {
        /// What was tried: `open`, `write`, `read`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// An entry does not follow from the one before.
    #[error(
        "line {line} of the audit log does not follow from the one before: one of them was altered, or \
         entries between them are missing"
    )]
    Broken {
        /// Which line, counted from one.
        line: u64,
    },
    /// A line is no entry.
    #[error("line {line} of the audit log is not an entry: it was altered, or cut off")]
    NotAnEntry {
        /// Which line, counted from one.
        line: u64,
    },
}

impl AuditLog {
    /// Opens a log, or makes one that only its owner can read.
    ///
    /// A last line that a power cut left incomplete is removed: it was never relied on.
    pub fn open(path: &Path) -> Result<Self, AuditError> {
        let open = || {
            let mut options = OpenOptions::new();
            let mut file =
                options.read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
            let (length, chain) = tail(&mut file)?;
            file.set_len(length)?;
            file.seek(SeekFrom::Start(length))?;
            Ok(Tail { file, length, chain })
        };
        let tail = open().map_err(|source| failed("open", path, source))?;
        Ok(Self { path: path.to_owned(), tail: Mutex::new(tail) })
    }

    /// Adds an entry: the text of a JSON object with at least one member, on one line.
    ///
    /// In the hands of the system when this returns. Where it fails, nothing was added.
    pub fn append(&self, entry: &str) -> Result<(), AuditError> {
        let mut tail = self.tail();
        let chain = next(&tail.chain, entry);
        let open = entry.strip_suffix('}').unwrap_or(entry);
        let line = format!("{open}{MEMBER}{chain}{END}\n");
        if let Err(source) = tail.file.write_all(line.as_bytes()) {
            // A part of the line may be there. Where it cannot be removed now, opening removes it.
            let length = tail.length;
            let _ = tail.file.set_len(length).and_then(|()| tail.file.seek(SeekFrom::Start(length)));
            return Err(failed("write", &self.path, source));
        }
        tail.length += line.len() as u64;
        tail.chain = chain;
        Ok(())
    }

    /// Puts on disk what was added.
    pub fn sync(&self) -> Result<(), AuditError> {
        self.tail().file.sync_data().map_err(|source| failed("write", &self.path, source))
    }

    fn tail(&self) -> MutexGuard<'_, Tail> {
        self.tail.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Verified {
    /// Checks every entry of a log.
    pub fn check(path: &Path) -> Result<Self, AuditError> {
        let read = |source| failed("read", path, source);
        let mut lines = io::BufReader::new(File::open(path).map_err(read)?);
        let (mut entries, mut head, mut line) = (0, Digest::ZERO, String::new());
        loop {
            line.clear();
            // A line without an end is no reason to take up all memory.
            let length = (&mut lines).take(MAX_LINE).read_line(&mut line).map_err(read)?;
            if length == 0 {
                return Ok(Self { entries, head });
            }
            let number = entries + 1;
            let (entry, chain) = parse(&line).ok_or(AuditError::NotAnEntry { line: number })?;
            head = next(&head, &entry);
            if head != chain {
                return Err(AuditError::Broken { line: number });
            }
            entries = number;
        }
    }
}

/// Where the last whole line ends, and its chain.
fn tail(file: &mut File) -> io::Result<(u64, Digest)> {
    let all = file.metadata()?.len();
    let mut looked_at = BLOCK.min(all);
    loop {
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(all - looked_at))?;
        file.take(looked_at).read_to_end(&mut bytes)?;
        let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let start = bytes[..end.saturating_sub(1)].iter().rposition(|byte| *byte == b'\n').map(|at| at + 1);
        // The whole of the last line is there if the end of the one before is, or there is none before.
        if end > 0 && (start.is_some() || looked_at == all) {
            let line = String::from_utf8_lossy(&bytes[start.unwrap_or(0)..end]);
            // A spoiled line begins a chain of its own, and the check says where.
            let chain = parse(&line).map_or(Digest::ZERO, |(_, chain)| chain);
            return Ok((all - looked_at + end as u64, chain));
        }
        if looked_at == all {
            return Ok((0, Digest::ZERO));
        }
        looked_at = (looked_at * 2).min(all);
    }
}

/// The chain of an entry that comes after `before`.
fn next(before: &Digest, entry: &str) -> Digest {
    Digest::of(&[before.as_bytes().as_slice(), entry.as_bytes()].concat())
}

/// The entry of a line, as it was added, and its chain.
fn parse(line: &str) -> Option<(String, Digest)> {
    let (open, chain) = line.strip_suffix('\n')?.strip_suffix(END)?.rsplit_once(MEMBER)?;
    Some((format!("{open}}}"), chain.parse().ok()?))
}

fn failed(action: &'static str, path: &Path, source: io::Error) -> AuditError {
    AuditError::File { action, path: path.to_owned(), source }
}

const MEMBER: &str = ",\"chain\":\"";
const END: &str = "\"}";
/// How much of a file's end is looked at first.
const BLOCK: u64 = 16 << 10;
/// The longest line that a check reads.
const MAX_LINE: u64 = 16 << 20;

#[allow(clippy::unwrap_used)]
#[cfg(test)]
mod tests {
    use super::*;

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
                Err(AuditError::Broken { line } | AuditError::NotAnEntry { line }) => assert_eq!(line, found),
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
        let long = format!("{{\"text\":\"{}\"}}", "x".repeat(3 * BLOCK as usize));
        AuditLog::open(&path).unwrap().append(&long).unwrap();
        AuditLog::open(&path).unwrap().append(&long).unwrap();
        AuditLog::open(&path).unwrap().append("{\"n\":1}").unwrap();
        assert_eq!(Verified::check(&path).unwrap().entries, 5);
    }
}
