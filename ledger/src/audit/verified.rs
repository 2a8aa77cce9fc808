//! The check of a whole audit log, over all of its files.

use std::fs::File;
use std::io::{self, BufRead as _, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use wire::digest::Digest;

use super::chain::{continued, next, parse};
use super::files::{self, earlier};
use super::{AuditError, failed};

/// What a check of a whole audit log found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    /// How many entries there are.
    pub entries: u64,
    /// The chain of the last entry. It stays the same as long as nothing is added, or cut off.
    pub head: Digest,
    /// How many files are missing from the log's beginning: removed by rotation, or by someone who can write the
    /// folder.
    pub gone: u64,
}

impl Verified {
    /// Checks every entry of a log, over all its files. A daemon may write it meanwhile.
    ///
    /// # Errors
    /// [`AuditError::Broken`] or [`AuditError::NotAnEntry`], with the first line that is wrong, and
    /// [`AuditError::File`] where a file cannot be read.
    pub fn check(path: &Path) -> Result<Self, AuditError> {
        let files = open(path).map_err(|source| failed("read", path, source))?;
        let mut found = Self { entries: 0, head: Digest::ZERO, gone: 0 };
        for (place, (path, file)) in files.into_iter().enumerate() {
            found.check_file(&path, file, place == 0)?;
        }
        Ok(found)
    }

    fn check_file(&mut self, path: &Path, file: File, is_oldest: bool) -> Result<(), AuditError> {
        let read = |source| failed("read", path, source);
        let (mut lines, mut line, mut number) = (io::BufReader::new(file), String::new(), 0);
        loop {
            line.clear();
            // A line without an end must not take up all memory.
            let length = (&mut lines).take(MAX_LINE).read_line(&mut line).map_err(read)?;
            if length == 0 {
                return Ok(());
            }
            number += 1;
            let no_entry = || AuditError::NotAnEntry { path: path.to_owned(), line: number };
            let (entry, chain) = parse(&line).ok_or_else(no_entry)?;
            // The oldest file that is left says which one it goes on from, and is believed; every other must go on
            // from the one before it.
            if let (true, 1, Some((before, after))) = (is_oldest, number, continued(&entry)) {
                (self.gone, self.head) = (before, after);
            }
            self.head = next(&self.head, &entry);
            if self.head != chain {
                return Err(AuditError::Broken { path: path.to_owned(), line: number });
            }
            self.entries += 1;
        }
    }
}

/// Opens all files of one moment: a daemon that goes on in another file meanwhile changes nothing about them.
fn open(path: &Path) -> io::Result<Vec<(PathBuf, File)>> {
    for _ in 0..ATTEMPTS {
        let (current, earlier) = (open_one(path)?, earlier(path)?);
        let mut files = Vec::new();
        for (_, path) in &earlier {
            files.extend(open_one(path)?.map(|file| (path.clone(), file)));
        }
        let all_there = files.len() == earlier.len();
        let (was, is) = (inode(current.as_ref())?, inode(open_one(path)?.as_ref())?);
        if !all_there || was != is || self::earlier(path)? != earlier {
            continue;
        }
        files.extend(current.map(|file| (path.to_owned(), file)));
        if files.is_empty() {
            return Err(io::ErrorKind::NotFound.into());
        }
        return Ok(files);
    }
    Err(io::Error::other(format!("the files in \"{}\" change all the time", files::folder(path).display())))
}

fn open_one(path: &Path) -> io::Result<Option<File>> {
    match File::open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn inode(file: Option<&File>) -> io::Result<Option<u64>> {
    file.map(|file| Ok(file.metadata()?.ino())).transpose()
}

/// The longest line that a check reads, in bytes.
const MAX_LINE: u64 = 16 << 20;
/// How often the files are looked for again where they change meanwhile.
const ATTEMPTS: usize = 100;
