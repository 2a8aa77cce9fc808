//! Reading an audit log from its beginning on, and what is added while it is read.

use std::fs::File;
use std::io::{self, BufRead as _, Read as _};
use std::path::{Path, PathBuf};

use super::chain::{MAX_LINE, continued, parse};
use super::files::{inode, open_all, open_one};
use crate::error::{AuditError, failed};

/// The entries of an audit log, over all its files, in the order in which they were added: each as a JSON object on one
/// line, with its chain.
///
/// After the last one there is `None` until another is added: asked again, it goes on from there, also where the log
/// goes on in another file. Nothing is verified here. A line that is no entry is an error, and those behind it follow.
pub struct AuditEntries {
    path: PathBuf,
    /// The files that are still to be read, the next one last.
    waiting: Vec<(PathBuf, File)>,
    current: Option<Lines>,
}

impl AuditEntries {
    /// Opens the files of one moment. What a daemon adds to them afterwards is read as well.
    ///
    /// # Errors
    /// [`AuditError::File`], where there is no log, or it cannot be opened.
    pub fn open(path: &Path) -> Result<Self, AuditError> {
        let mut waiting = open_all(path).map_err(|source| failed("read", path, source))?;
        waiting.reverse();
        Ok(Self { path: path.to_owned(), waiting, current: None })
    }

    fn advance(&mut self) -> Result<Option<String>, AuditError> {
        loop {
            if self.current.is_none() {
                self.current = self.waiting.pop().map(|(path, file)| Lines::new(path, file));
            }
            let Some(lines) = &mut self.current else { return Ok(None) };
            if let Some(entry) = lines.next_entry()? {
                return Ok(Some(entry));
            }
            if self.waiting.is_empty() {
                let path = &self.path;
                let waiting = files_after(lines.reader.get_ref(), path)
                    .map_err(|source| failed("read", path, source))?;
                let Some(waiting) = waiting else { return Ok(None) };
                self.waiting = waiting;
                // It has another name by now, and may have got its last lines just before.
                if let Some(entry) = lines.next_entry()? {
                    return Ok(Some(entry));
                }
                if self.waiting.is_empty() {
                    return Ok(None);
                }
            }
            self.current = None;
        }
    }
}

impl Iterator for AuditEntries {
    type Item = Result<String, AuditError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.advance().transpose()
    }
}

/// The files that go on from this one, the next one last; `None` where it is still the one that is written.
fn files_after(current: &File, path: &Path) -> io::Result<Option<Vec<(PathBuf, File)>>> {
    let current = inode(current)?;
    if let Some(written) = open_one(path)?
        && inode(&written)? == current
    {
        return Ok(None);
    }
    let mut after = Vec::new();
    for (path, file) in open_all(path)?.into_iter().rev() {
        if inode(&file)? == current {
            break;
        }
        after.push((path, file));
    }
    Ok(Some(after))
}

/// The entries of one file.
struct Lines {
    path: PathBuf,
    reader: io::BufReader<File>,
    number: u64,
    /// What is there of a line whose end is not written yet.
    begun: String,
}

impl Lines {
    fn new(path: PathBuf, file: File) -> Self {
        Self { path, reader: io::BufReader::new(file), number: 0, begun: String::new() }
    }

    /// The next entry, except those that only say which file the log goes on from.
    fn next_entry(&mut self) -> Result<Option<String>, AuditError> {
        loop {
            // A line without an end must not take up all memory.
            let room = MAX_LINE.saturating_sub(self.begun.len() as u64);
            (&mut self.reader)
                .take(room)
                .read_line(&mut self.begun)
                .map_err(|source| failed("read", &self.path, source))?;
            if !self.begun.ends_with('\n') && (self.begun.len() as u64) < MAX_LINE {
                return Ok(None);
            }
            self.number += 1;
            let mut line = std::mem::take(&mut self.begun);
            let Some((entry, _)) = parse(&line) else {
                return Err(AuditError::NotAnEntry { path: self.path.clone(), line: self.number });
            };
            if continued(&entry).is_none() {
                line.truncate(line.trim_end().len());
                return Ok(Some(line));
            }
        }
    }
}

#[allow(clippy::unwrap_used)]
#[cfg(test)]
mod tests {
    use super::super::{AuditLog, Rotation};
    use super::*;

    fn numbers(entries: &mut AuditEntries) -> Vec<u64> {
        let number =
            |entry: String| entry.split_once("\"n\":").unwrap().1.split(',').next().unwrap().parse().unwrap();
        entries.map(|entry| number(entry.unwrap())).collect()
    }

    #[test]
    fn what_is_added_while_it_is_read_comes_after_the_rest_whichever_file_it_is_in() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("audit.jsonl");
        assert!(AuditEntries::open(&path).is_err());
        let log = AuditLog::open_rotating(&path, Rotation { size: 300, files: 100 }).unwrap();
        let append = |n: u64| log.append(&format!("{{\"n\":{n}}}")).unwrap();
        (0..10).for_each(append);
        let mut entries = AuditEntries::open(&path).unwrap();
        assert_eq!(numbers(&mut entries), (0..10).collect::<Vec<_>>());
        for n in 10..40 {
            append(n);
            assert_eq!(numbers(&mut entries), [n]);
        }
        (40..80).for_each(append);
        assert_eq!(numbers(&mut entries), (40..80).collect::<Vec<_>>());
        assert!(numbers(&mut entries).is_empty());
    }

    #[test]
    fn a_line_is_read_once_it_is_whole_and_one_that_is_no_entry_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("audit.jsonl");
        AuditLog::open(&path).unwrap().append("{\"n\":1}").unwrap();
        let line = std::fs::read_to_string(&path).unwrap();
        let (begin, end) = line.split_at(20);
        std::fs::write(&path, begin).unwrap();
        let mut entries = AuditEntries::open(&path).unwrap();
        assert!(numbers(&mut entries).is_empty());
        let append = |text: &str| {
            use std::io::Write as _;
            File::options().append(true).open(&path).unwrap().write_all(text.as_bytes()).unwrap();
        };
        append(end);
        assert_eq!(numbers(&mut entries), [1]);
        append("spoiled\n");
        append(&line);
        assert!(matches!(entries.next(), Some(Err(AuditError::NotAnEntry { line: 2, .. }))));
        assert_eq!(numbers(&mut entries), [1]);
    }
}
