//! Showing lines as they are written.

use std::fs::{self, File, Metadata};
use std::io::{ErrorKind, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime};

use failure::{Each, Error, Lines};
use minion_sdk::job;

use crate::exports::minion::logs::logs::{Ending, Followed};
use crate::files::{self, MOST_OF_LINE};
use crate::pattern::Pattern;

/// Between two looks at a file.
const PAUSE: Duration = Duration::from_millis(200);
/// How long before the job's own end it ends by itself.
const MARGIN: Duration = Duration::from_secs(2);
/// The longest time that is taken.
const MOST_SECONDS: u32 = 24 * 3600;
/// How much is shown at once.
const MOST_SHOWN: usize = 64 << 10;

/// Until when a log is followed, and what ends it then.
pub(crate) struct Until {
    pub(crate) time: Duration,
    pub(crate) ending: Ending,
}

impl Until {
    /// So many seconds, or as long as the job may run.
    ///
    /// # Errors
    /// Where it is too long.
    pub(crate) fn of(seconds: Option<u32>) -> Result<Self, Error> {
        if seconds.is_some_and(|seconds| seconds > MOST_SECONDS) {
            return Err(Error::Invalid(format!("`seconds` is over {MOST_SECONDS}, a day")));
        }
        let asked = Duration::from_secs(seconds.unwrap_or(MOST_SECONDS).into());
        let left = job::deadline().map(|end| end.duration_since(SystemTime::now()).unwrap_or_default());
        Ok(match left.map(|left| left.saturating_sub(MARGIN)) {
            Some(left) if left < asked => Self { time: left, ending: Ending::JobTime },
            _ => Self { time: asked, ending: Ending::Time },
        })
    }
}

/// Shows lines that fit.
pub(crate) struct Show {
    pattern: Pattern,
    held: String,
    lines: u64,
    full: bool,
}

impl Show {
    pub(crate) fn new(pattern: Pattern) -> Self {
        Self { pattern, held: String::new(), lines: 0, full: false }
    }

    /// Takes a line, of which this is what is searched.
    pub(crate) fn line(&mut self, line: &str, searched: &str) -> Result<(), Error> {
        if self.full || !self.pattern.fits(searched.as_bytes()) {
            return Ok(());
        }
        self.lines += 1;
        if !self.held.is_empty() {
            self.held.push('\n');
        }
        self.held.push_str(line);
        if self.held.len() > MOST_SHOWN { self.flush() } else { Ok(()) }
    }

    /// Shows what is held. Returns an error where the job is cancelled.
    pub(crate) fn flush(&mut self) -> Result<(), Error> {
        if self.held.is_empty() {
            return Ok(());
        }
        match job::emit(&std::mem::take(&mut self.held)) {
            Ok(()) => Ok(()),
            Err(job::Error::Cancelled) => Err(Error::Cancelled),
            Err(job::Error::Limit(_)) => {
                self.full = true;
                Ok(())
            }
            Err(job::Error::Other(text)) => Err(Error::Other(text)),
        }
    }

    /// Whether the job may put out no more.
    pub(crate) fn is_full(&self) -> bool {
        self.full
    }

    pub(crate) fn ended(self, ended: Ending) -> Followed {
        let ended = if self.full { Ending::JobOutput } else { ended };
        Followed { lines: self.lines, ended }
    }
}

/// Shows the lines of a file as they are written.
///
/// # Errors
/// Where it cannot be read, or the job is cancelled.
pub(crate) fn file(path: &Path, first: usize, mut show: Show, until: &Until) -> Result<Followed, Error> {
    let begun = Instant::now();
    let (mut tail, lines) = Tail::open(path, first)?;
    for line in lines {
        show.line(&line, &line)?;
    }
    loop {
        tail.turn(&mut |line| {
            let line = String::from_utf8_lossy(line);
            show.line(&line, &line)
        })?;
        show.flush()?;
        if job::cancelled() {
            return Err(Error::Cancelled);
        }
        let left = until.time.saturating_sub(begun.elapsed());
        if show.is_full() || left.is_zero() {
            return Ok(show.ended(until.ending));
        }
        sleep(PAUSE.min(left));
    }
}

/// A file that grows, and whatever takes its name when it was rotated away.
pub(crate) struct Tail {
    path: PathBuf,
    file: File,
    /// How much of it was read.
    read: u64,
    lines: Lines,
}

impl Tail {
    /// Opens a file, and reads its last lines.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub(crate) fn open(path: &Path, first: usize) -> Result<(Self, Vec<String>), Error> {
        let (mut file, _) = files::open(path)?;
        let (lines, read) = crate::search::end_of(path, &mut file, first)?;
        Ok((Self { path: path.to_owned(), file, read, lines: Lines::of(MOST_OF_LINE) }, lines))
    }

    /// Hands over what was written since the last time.
    ///
    /// # Errors
    /// Where it cannot be read, or `each` fails.
    pub(crate) fn turn(&mut self, each: Each<'_>) -> Result<(), Error> {
        self.read_on(each)?;
        let Some(next) = self.successor()? else { return Ok(()) };
        // What was written to it before its name was taken.
        self.read_on(each)?;
        self.lines.end(each)?;
        (self.file, self.read) = (next, 0);
        self.read_on(each)
    }

    fn read_on(&mut self, each: Each<'_>) -> Result<(), Error> {
        let failed = |error| files::of_system(&self.path, &error);
        if self.file.metadata().map_err(failed)?.len() < self.read {
            // It was cut off: what is in it now is new.
            self.lines.end(each)?;
            self.read = 0;
        }
        // Also where nothing is skipped: a guest's file that was read to its end stays there until it is sent somewhere.
        self.file.seek(SeekFrom::Start(self.read)).map_err(failed)?;
        let mut buffer = vec![0; 64 << 10];
        loop {
            let length = self.file.read(&mut buffer).map_err(failed)?;
            if length == 0 || job::cancelled() {
                return Ok(());
            }
            self.read += length as u64;
            self.lines.split(&buffer[..length], each)?;
        }
    }

    /// The file that has the name now, where that is another one.
    ///
    /// A guest is not told which file it has open, so what the open one and the one of that name say of themselves is compared:
    /// a file grows and is written later and later, so what is asked of it between two answers lies between them.
    fn successor(&self) -> Result<Option<File>, Error> {
        let failed = |error| files::of_system(&self.path, &error);
        let before = self.file.metadata().map_err(failed)?;
        let named = match fs::metadata(&self.path) {
            Ok(named) if named.is_file() => named,
            // Between two files, or something that has no lines: it may come to be one.
            Ok(_) => return Ok(None),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        let after = self.file.metadata().map_err(failed)?;
        if is_between(&before, &named, &after) {
            return Ok(None);
        }
        match File::open(&self.path) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed(error)),
        }
    }
}

fn is_between(before: &Metadata, named: &Metadata, after: &Metadata) -> bool {
    let written = |found: &Metadata| found.modified().ok();
    (before.len()..=after.len()).contains(&named.len())
        && (written(before)..=written(after)).contains(&written(named))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use minion_sdk::testing::Host;

    use super::*;

    fn new_lines(tail: &mut Tail) -> Vec<String> {
        let mut lines = Vec::new();
        let mut keep = |line: &[u8]| {
            lines.push(String::from_utf8_lossy(line).into_owned());
            Ok(())
        };
        tail.turn(&mut keep).expect("read");
        lines
    }

    #[test]
    fn a_file_is_followed_by_its_name_when_it_grows_is_cut_off_or_is_rotated() {
        let _host = Host::new();
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("log");
        let append = |path: &Path, text: &str| {
            let file = File::options().append(true).create(true).open(path);
            file.expect("opened").write_all(text.as_bytes()).expect("written");
        };
        append(&path, "one\ntwo\n");
        let (mut tail, first) = Tail::open(&path, 1).expect("opened");
        assert_eq!((first, new_lines(&mut tail)), (vec!["two".to_owned()], vec![]));
        append(&path, "three\nfo");
        assert_eq!(new_lines(&mut tail), ["three"]);
        append(&path, "ur\n");
        assert_eq!(new_lines(&mut tail), ["four"]);
        let rotated = dir.path().join("log.1");
        fs::rename(&path, &rotated).expect("moved");
        append(&rotated, "late\n");
        assert_eq!(new_lines(&mut tail), ["late"]);
        append(&rotated, "later");
        // As long as the one before, and written in the same moment but for its clock's ticks.
        append(&path, "five is as long as it was\n");
        assert_eq!(new_lines(&mut tail), ["later", "five is as long as it was"]);
        fs::write(&path, "six\n").expect("cut off");
        assert_eq!(new_lines(&mut tail), ["six"]);
        fs::remove_file(&path).expect("removed");
        assert_eq!(new_lines(&mut tail), [""; 0]);
        append(&path, "seven\n");
        assert_eq!((new_lines(&mut tail), new_lines(&mut tail)), (vec!["seven".to_owned()], vec![]));
    }

    #[test]
    fn only_lines_that_fit_are_shown_and_the_time_that_is_asked_for_is_bounded() {
        let host = Host::new();
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("log");
        fs::write(&path, "a1\nb2\na3\n").expect("written");
        let pattern = Pattern::of(Some("^a".into()), None, None).expect("a pattern");
        let until = Until { time: Duration::ZERO, ending: Ending::Time };
        let followed = file(&path, 10, Show::new(pattern), &until).expect("followed");
        assert_eq!(
            (followed.lines, followed.ended, host.emitted()),
            (2, Ending::Time, vec!["a1\na3".to_owned()])
        );
        assert!(matches!(Until::of(Some(MOST_SECONDS + 1)), Err(Error::Invalid(_))));
    }

    #[test]
    fn it_ends_when_the_job_is_cancelled() {
        let _host = Host::new().cancel_after(3);
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("log");
        fs::write(&path, "").expect("written");
        let until = Until { time: Duration::from_secs(3600), ending: Ending::Time };
        let show = Show::new(Pattern::Any);
        assert_eq!(file(&path, 10, show, &until), Err(Error::Cancelled));
    }
}
