//! What a job says while it runs: who hears it, and how much of it.

use std::sync::Arc;
use std::sync::Mutex;

use machine::lock;
use wire::message::call::{LogLevel, LogLine, Progress};

use crate::policy::Limits;

/// The longest warning of the host's own, in bytes: it may have a path of the guest's in it.
const MAX_WARNING: usize = 1 << 10;

/// Takes what a job says while it runs.
///
/// Called from inside host functions and often: an implementation must not block, and must drop or merge what it
/// has no room for (of progress only the last counts).
pub trait JobEvents: Send + Sync + 'static {
    /// The job says how far it is.
    fn progress(&self, progress: Progress);
    /// The job logged a line, or wrote one to stdout or stderr.
    fn log(&self, line: LogLine);
    /// The job handed out a part of its result.
    fn chunk(&self, chunk: String);
    /// The job tried something that its grants do not cover. It goes to the audit log.
    fn denied(&self, denial: Denial);
}

/// An attempt that the grants of a module do not cover.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// The capability: `process`, `http`, `facts`, …
    pub capability: &'static str,
    /// What was tried, in words.
    pub attempt: String,
}

impl Denial {
    /// The most bytes of an attempt that are written down.
    const MAX_ATTEMPT: usize = 1 << 10;

    /// The denial with an attempt that is cut to what is written down.
    pub(crate) fn shortened(mut self) -> Self {
        let length = self.attempt.len();
        if length > Self::MAX_ATTEMPT {
            self.attempt.truncate(self.attempt.floor_char_boundary(Self::MAX_ATTEMPT));
            self.attempt.push_str(&format!("… ({length} bytes)"));
        }
        self
    }
}

/// The log of one job, within its limits: what comes after them is counted and dropped.
#[derive(Clone)]
pub(in crate::sandbox) struct JobLog(Arc<Inner>);

/// What all clones of a log share.
struct Inner {
    /// Who hears the lines.
    events: Arc<dyn JobEvents>,
    /// How much may still be logged.
    room: Mutex<Room>,
}

/// What may still be logged, and what could not be.
#[derive(Debug)]
struct Room {
    bytes: u64,
    lines: u64,
    written: u64,
    dropped_lines: u64,
    dropped_bytes: u64,
}

impl JobLog {
    /// A log that passes its lines on to `events`, up to the limits.
    pub(in crate::sandbox) fn new(events: Arc<dyn JobEvents>, limits: &Limits) -> Self {
        let room = Room {
            bytes: limits.log,
            lines: limits.log_lines,
            written: 0,
            dropped_lines: 0,
            dropped_bytes: 0,
        };
        Self(Arc::new(Inner { events, room: Mutex::new(room) }))
    }

    /// Logs a line, or counts it where there is no room.
    pub(in crate::sandbox) fn write(&self, line: LogLine) {
        if self.room().take(weight(&line)) {
            self.0.events.log(line);
        }
    }

    /// Logs a warning of the host's own.
    pub(in crate::sandbox) fn warn(&self, message: String) {
        self.write(LogLine { level: LogLevel::Warn, message: cut(message, MAX_WARNING), fields: Vec::new() });
    }

    /// Logs how much was left out, if anything was.
    pub(in crate::sandbox) fn close(&self) {
        let room = self.room();
        if room.dropped_lines + room.dropped_bytes > 0 {
            let message = format!(
                "left out {} lines and {} bytes: the job's log is over its limit (limits.log, limits.log-lines)",
                room.dropped_lines, room.dropped_bytes
            );
            drop(room);
            self.0.events.log(LogLine { level: LogLevel::Warn, message, fields: Vec::new() });
        }
    }

    /// How many bytes were logged, each field counted with its place.
    pub(in crate::sandbox) fn written(&self) -> u64 {
        self.room().written
    }

    /// Locks the room.
    fn room(&self) -> std::sync::MutexGuard<'_, Room> {
        lock::hold(&self.0.room)
    }
}

/// How many bytes a line counts as: its text, and the place of each field, which an empty one has too.
fn weight(line: &LogLine) -> u64 {
    let fields = line.fields.iter().map(|(name, value)| FIELD + name.len() + value.len());
    (line.message.len() + fields.sum::<usize>()) as u64
}

/// The bytes of the place that a field has in its line.
const FIELD: usize = size_of::<(String, String)>();

impl Room {
    /// Takes the room for one line of so many bytes, or counts it as left out.
    fn take(&mut self, bytes: u64) -> bool {
        if self.lines == 0 || bytes > self.bytes {
            self.dropped_lines += 1;
            self.dropped_bytes += bytes;
            return false;
        }
        self.lines -= 1;
        self.bytes -= bytes;
        self.written += bytes;
        true
    }
}

/// The beginning of a text, of at most `most` bytes. The memory of the rest is given back: cut texts are kept in
/// great number, and each would otherwise keep what it was before.
pub(in crate::sandbox) fn cut(mut text: String, most: usize) -> String {
    text.truncate(text.floor_char_boundary(most));
    text.shrink_to_fit();
    text
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub(in crate::sandbox) mod testing {
    use super::*;

    /// Remembers everything.
    #[derive(Default)]
    pub(crate) struct Recorded {
        pub(crate) progress: Mutex<Vec<Progress>>,
        pub(crate) log: Mutex<Vec<LogLine>>,
        pub(crate) chunks: Mutex<Vec<String>>,
        pub(crate) denied: Mutex<Vec<Denial>>,
    }

    impl JobEvents for Recorded {
        fn progress(&self, progress: Progress) {
            self.progress.lock().unwrap().push(progress);
        }

        fn log(&self, line: LogLine) {
            self.log.lock().unwrap().push(line);
        }

        fn chunk(&self, chunk: String) {
            self.chunks.lock().unwrap().push(chunk);
        }

        fn denied(&self, denial: Denial) {
            self.denied.lock().unwrap().push(denial);
        }
    }
}

#[allow(clippy::unwrap_used)]
#[cfg(test)]
mod tests {
    use super::testing::Recorded;
    use super::*;

    #[test]
    fn a_flood_of_lines_is_cut_off_and_counted() {
        let events = Arc::new(Recorded::default());
        let log = JobLog::new(events.clone(), &Limits { log_lines: 3, ..Limits::default() });
        for _ in 0..10 {
            log.write(LogLine { level: LogLevel::Info, message: "again".into(), fields: Vec::new() });
        }
        log.close();
        let lines = events.log.lock().unwrap();
        assert_eq!(lines.len(), 4);
        assert!(lines[3].message.starts_with("left out 7 lines and 35 bytes"), "{}", lines[3].message);
    }

    #[test]
    fn empty_fields_count_as_what_they_take() {
        let events = Arc::new(Recorded::default());
        let log = JobLog::new(events.clone(), &Limits { log: 100 * FIELD as u64, ..Limits::default() });
        let line = |fields: usize| LogLine {
            level: LogLevel::Info,
            message: String::new(),
            fields: vec![(String::new(), String::new()); fields],
        };
        (0..10).for_each(|_| log.write(line(30)));
        log.close();
        assert_eq!(events.log.lock().unwrap().len(), 4);
        assert_eq!(log.written(), 90 * FIELD as u64);
    }

    #[test]
    fn what_is_cut_off_takes_no_memory() {
        let text = cut("ß".repeat(1 << 20), 7);
        assert_eq!((text.as_str(), text.capacity()), ("ßßß", 6));
        assert_eq!(cut("short".to_owned(), 7), "short");
    }
}
