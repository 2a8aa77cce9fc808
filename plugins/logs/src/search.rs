//! Searching the lines of files.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use failure::{Error, Lines};
use minion_sdk::job;

use crate::exports::minion::logs::logs::{Found, Wanted};
use crate::files::{self, MOST_OF_LINE};
use crate::moment::Clock;
use crate::pattern::Pattern;

/// The most lines of one answer, and what they may take together.
const MOST_LINES: u32 = 10_000;
pub(crate) const MOST_BYTES: usize = 4 << 20;
/// How much is read at once from the end of a file, and how much of it at most.
const BLOCK: u64 = 64 << 10;
const MOST_OF_END: u64 = 4 << 20;

/// How many lines an operator wants.
pub(crate) fn count(asked: Option<u32>, usual: u32) -> usize {
    asked.unwrap_or(usual).min(MOST_LINES) as usize
}

/// A span of time; an end that is not there is open.
#[derive(Clone, Copy)]
pub(crate) struct Span {
    pub(crate) since: Option<i64>,
    pub(crate) until: Option<i64>,
}

impl Span {
    /// What an operator means by it.
    ///
    /// # Errors
    /// Where one end is no point in time.
    pub(crate) fn of(clock: &Clock, since: Option<&str>, until: Option<&str>) -> Result<Self, Error> {
        let point = |what, text: Option<&str>| text.map(|text| clock.point(what, text)).transpose();
        Ok(Self { since: point("since", since)?, until: point("until", until)? })
    }

    fn holds(self, second: i64) -> bool {
        self.since.is_none_or(|since| since <= second) && self.until.is_none_or(|until| second <= until)
    }
}

/// Tells which lines lie in a span: those without a date do where the one before does.
pub(crate) struct Dated {
    clock: Clock,
    span: Span,
    /// Whether the last line did.
    within: bool,
    /// Whether any line had a date.
    pub(crate) seen: bool,
}

impl Dated {
    pub(crate) fn new(clock: Clock, span: Span) -> Self {
        Self { clock, span, within: span.since.is_none(), seen: false }
    }

    pub(crate) fn holds(&mut self, line: &[u8]) -> bool {
        if let Some(second) = self.clock.date(line) {
            (self.seen, self.within) = (true, self.span.holds(second));
        }
        self.within
    }

    /// That the lines have dates, where any were there.
    ///
    /// # Errors
    /// Where none has one that is known.
    pub(crate) fn check(&self, file: &Path, lines: u64) -> Result<(), Error> {
        if self.seen || lines == 0 {
            return Ok(());
        }
        Err(Error::Unsupported(format!(
            "no line of \"{}\" begins with a date that is known: leave `since` and `until` out",
            file.display()
        )))
    }
}

/// The last ones of what is handed over.
pub(crate) struct Last<T> {
    kept: VecDeque<(T, usize)>,
    most: usize,
    bytes: usize,
}

impl<T> Last<T> {
    pub(crate) fn new(most: usize) -> Self {
        Self { kept: VecDeque::new(), most, bytes: 0 }
    }

    pub(crate) fn push(&mut self, item: T, bytes: usize) {
        self.bytes += bytes;
        self.kept.push_back((item, bytes));
        while self.kept.len() > self.most || self.bytes > MOST_BYTES {
            let Some((_, bytes)) = self.kept.pop_front() else { return };
            self.bytes -= bytes;
        }
    }

    pub(crate) fn take(self) -> Vec<T> {
        self.kept.into_iter().map(|(item, _)| item).collect()
    }
}

/// Searches a file.
///
/// # Errors
/// Where something of what is wanted is wrong, or the file cannot be read.
pub(crate) fn search(file: &str, wanted: Wanted) -> Result<Found, Error> {
    let Wanted { pattern, fixed, ignore_case, since, until, lines, rotated } = wanted;
    let path = files::path(file)?;
    let pattern = Pattern::of(pattern, fixed, ignore_case)?;
    let mut dated = match (&since, &until) {
        (None, None) => None,
        (since, until) => {
            let clock = Clock::of_host();
            let span = Span::of(&clock, since.as_deref(), until.as_deref())?;
            Some(Dated::new(clock, span))
        }
    };
    // Before anything is searched, so that a name that is wrong is told as that.
    files::open(&path)?;
    let paths = if rotated == Some(true) { files::with_rotated(&path)? } else { vec![path.clone()] };
    let paths = written_since(paths, dated.as_ref().and_then(|dated| dated.span.since));
    let total: u64 = paths.iter().filter_map(|path| fs::metadata(path).ok()).map(|found| found.len()).sum();
    let (mut last, mut matched, mut all, mut before) = (Last::new(count(lines, 100)), 0, 0, 0);
    for path in &paths {
        let mut read = 0;
        let note = path.display().to_string();
        let mut done = |now: u64| {
            read = now;
            job::progress(before + now, total.max(before + now), &note);
        };
        files::lines(path, &mut done, &mut |line| {
            all += 1;
            if dated.as_mut().is_none_or(|dated| dated.holds(line)) && pattern.fits(line) {
                matched += 1;
                last.push(String::from_utf8_lossy(line).into_owned(), line.len());
            }
            Ok(())
        })?;
        before += read;
    }
    dated.map_or(Ok(()), |dated| dated.check(&path, all))?;
    Ok(Found { lines: last.take(), matched })
}

/// Those to which something was written since then: no line of the others can be as late.
fn written_since(paths: Vec<PathBuf>, since: Option<i64>) -> Vec<PathBuf> {
    let Some(since) = since else { return paths };
    let is_late = |path: &PathBuf| {
        let written = fs::metadata(path).and_then(|found| found.modified());
        written.map_or(true, |written| failure::time_of(written).seconds >= since)
    };
    paths.into_iter().filter(is_late).collect()
}

/// The last lines of a file that is open, and how long it is: its beginning is not read.
///
/// # Errors
/// Where it cannot be read.
pub(crate) fn end_of(path: &Path, file: &mut File, most: usize) -> Result<(Vec<String>, u64), Error> {
    let failed = |error| files::of_system(path, &error);
    let length = file.seek(SeekFrom::End(0)).map_err(failed)?;
    let (mut start, mut text) = (length, Vec::new());
    let ends = |text: &[u8]| memchr::memchr_iter(b'\n', text).count();
    while start > 0 && length - start < MOST_OF_END && ends(&text) <= most {
        let block = BLOCK.min(start);
        start -= block;
        let mut piece = vec![0; usize::try_from(block).unwrap_or_default()];
        file.seek(SeekFrom::Start(start)).map_err(failed)?;
        file.read_exact(&mut piece).map_err(failed)?;
        piece.append(&mut text);
        text = piece;
    }
    file.seek(SeekFrom::Start(length)).map_err(failed)?;
    // What the first one begins with was not read.
    let whole = if start == 0 { 0 } else { memchr::memchr(b'\n', &text).map_or(text.len(), |end| end + 1) };
    let (mut last, mut lines) = (Last::new(most), Lines::of(MOST_OF_LINE));
    let mut keep = |line: &[u8]| {
        last.push(String::from_utf8_lossy(line).into_owned(), line.len());
        Ok(())
    };
    lines.split(&text[whole..], &mut keep)?;
    lines.end(&mut keep)?;
    Ok((last.take(), length))
}

#[cfg(test)]
mod tests {
    use minion_sdk::process::Output;
    use minion_sdk::testing::Host;

    use super::*;
    use crate::EVERY_LINE;
    use crate::moment::tests::noon;

    #[test]
    fn lines_are_found_by_pattern_and_time_and_the_last_ones_are_kept() {
        let _host = Host::new().program(&["date", "+%z"], Output::printed("+0200\n", 0));
        let dir = tempfile::tempdir().expect("a folder");
        let log = dir.path().join("app.log").display().to_string();
        let lines: Vec<String> =
            (0..10).map(|hour| format!("2026-07-01 0{hour}:00:00 hour {hour}\n  more of {hour}\n")).collect();
        fs::write(&log, lines.concat()).expect("written");
        let found = |wanted| search(&log, wanted).expect("found");
        let last = found(Wanted { lines: Some(2), ..EVERY_LINE });
        assert_eq!(
            (last.matched, last.lines),
            (20, vec!["2026-07-01 09:00:00 hour 9".into(), "  more of 9".into()])
        );
        let span = |since: &str, until: &str| Wanted {
            since: Some(since.into()),
            until: Some(until.into()),
            ..EVERY_LINE
        };
        let some =
            found(Wanted { pattern: Some("more of".into()), ..span("2026-07-01 03:00", "2026-07-01 04:30") });
        assert_eq!(some.lines, ["  more of 3", "  more of 4"]);
        assert_eq!(found(span("2027-01-01", "2027-01-02")).matched, 0);
        fs::write(&log, "no date\n").expect("written");
        assert!(matches!(search(&log, span("1970-01-02", "2h")), Err(Error::Unsupported(_))));
    }

    #[test]
    fn lines_before_the_first_date_belong_to_no_span_that_begins() {
        let mut dated = Dated::new(noon(), Span { since: Some(0), until: None });
        assert!(!dated.holds(b"x") && dated.holds(b"2026-07-01 12:30:00 x") && dated.holds(b"y"));
        let mut open = Dated::new(noon(), Span { since: None, until: Some(0) });
        assert!(open.holds(b"x") && !open.holds(b"2026-07-01 12:30:00 x"));
    }

    #[test]
    fn the_end_of_a_file_is_read_from_behind() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("log");
        let end = |text: &str, most| {
            fs::write(&path, text).expect("written");
            let (lines, length) = end_of(&path, &mut File::open(&path).expect("opened"), most).expect("read");
            assert_eq!(length, text.len() as u64);
            lines
        };
        let long: String = (0..50_000).map(|n| format!("line {n}\n")).collect();
        assert_eq!(end(&long, 2), ["line 49998", "line 49999"]);
        assert_eq!(end(&long, 10_000).len(), 10_000);
        assert_eq!(end("one\ntwo", 5), ["one", "two"]);
        assert_eq!((end("", 5).len(), end("one\n", 0).len()), (0, 0));
    }
}
