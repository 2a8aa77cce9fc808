//! The check of a whole audit log, over all of its files.

use std::fs::File;
use std::io::{self, BufRead as _, Read as _};
use std::path::Path;

use wire::digest::Digest;

use super::chain::{MAX_LINE, continued, next, parse};
use super::files::open_all;
use crate::error::{AuditError, failed};

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
        Ok(Check::run(path, None)?.verified)
    }

    /// Checks a log, and that it still holds the entry whose chain `witness` is: the head that the log had at an
    /// earlier moment, kept where nobody who can write the log can write. Whoever cuts entries off the end of a log
    /// cannot make others with that chain.
    ///
    /// # Errors
    /// As [`Verified::check`], and [`AuditError::Cut`] where no entry has that chain.
    pub fn check_with(path: &Path, witness: &Digest) -> Result<Self, AuditError> {
        let Check { verified, is_met, .. } = Check::run(path, Some(*witness))?;
        if is_met {
            return Ok(verified);
        }
        Err(AuditError::Cut { path: path.to_owned(), witness: *witness, gone: verified.gone })
    }
}

/// A check under way.
struct Check {
    verified: Verified,
    witness: Option<Digest>,
    /// Whether the log has been at the witness.
    is_met: bool,
}

impl Check {
    fn run(path: &Path, witness: Option<Digest>) -> Result<Self, AuditError> {
        let files = open_all(path).map_err(|source| failed("read", path, source))?;
        let verified = Verified { entries: 0, head: Digest::ZERO, gone: 0 };
        let mut check = Self { verified, witness, is_met: witness == Some(Digest::ZERO) };
        for (place, (path, file)) in files.into_iter().enumerate() {
            check.file(&path, file, place == 0)?;
        }
        Ok(check)
    }

    fn file(&mut self, path: &Path, file: File, is_oldest: bool) -> Result<(), AuditError> {
        let found = &mut self.verified;
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
                (found.gone, found.head) = (before, after);
                self.is_met |= self.witness == Some(after);
            }
            found.head = next(&found.head, &entry);
            if found.head != chain {
                return Err(AuditError::Broken { path: path.to_owned(), line: number });
            }
            found.entries += 1;
            self.is_met |= self.witness == Some(chain);
        }
    }
}

#[allow(clippy::unwrap_used)]
#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;
    use crate::{AuditLog, Rotation};

    #[test]
    fn a_file_that_cannot_be_opened_is_not_one_that_is_missing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.jsonl");
        let kind = || match Verified::check(&path) {
            Err(AuditError::File { action: "read", source, .. }) => source.kind(),
            other => panic!("{other:?}"),
        };
        assert_eq!(kind(), io::ErrorKind::NotFound);
        std::os::unix::fs::symlink(&path, &path).unwrap();
        assert_ne!(kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn a_log_that_goes_on_in_other_files_meanwhile_is_whole_at_every_moment() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.jsonl");
        let log = AuditLog::open_rotating(&path, Rotation { size: 1, files: 5 }).unwrap();
        log.append("{\"n\":0}").unwrap();
        thread::scope(|threads| {
            let writer =
                threads.spawn(|| (1..500).for_each(|n| log.append(&format!("{{\"n\":{n}}}")).unwrap()));
            while !writer.is_finished() {
                // Where the files change all the time, a check may end without an answer.
                if let Err(error @ (AuditError::Broken { .. } | AuditError::NotAnEntry { .. })) =
                    Verified::check(&path)
                {
                    panic!("{error}");
                }
            }
        });
        // Each file has the entry and what it goes on from.
        assert_eq!(Verified::check(&path).unwrap().entries, 12);
    }
}
