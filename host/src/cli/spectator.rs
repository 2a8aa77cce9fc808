//! Shows what a job says while it runs, on standard error.

use std::sync::{Mutex, MutexGuard};

use machine::lock;
use wire::document::text::printable;
use wire::message::call::{LogLevel, LogLine, Progress};

use crate::sandbox::{Denial, JobEvents};
use output::note;

/// Writes lines, and on a terminal one more line that shows the progress.
pub(super) struct Spectator {
    on_terminal: bool,
    /// The progress that is on the screen.
    shown: Mutex<Option<String>>,
}

impl Spectator {
    pub(super) fn new() -> Self {
        Self { on_terminal: output::stderr_is_terminal(), shown: Mutex::new(None) }
    }

    /// Takes the progress off the screen.
    pub(super) fn close(&self) {
        self.draw(&mut self.shown(), None);
    }

    /// Writes what the job said, each of its lines behind what it is: none of them passes for a line of another kind.
    fn lines(&self, what: &str, text: &str) {
        let mut shown = self.shown();
        let progress = shown.clone();
        self.draw(&mut shown, None);
        note(behind(what, text));
        self.draw(&mut shown, progress);
    }

    /// Puts this in the place of the progress that is shown.
    fn draw(&self, shown: &mut Option<String>, progress: Option<String>) {
        if self.on_terminal && *shown != progress {
            output::replace_line(progress.as_deref().unwrap_or_default());
            *shown = progress;
        }
    }

    fn shown(&self) -> MutexGuard<'_, Option<String>> {
        lock::hold(&self.shown)
    }
}

/// Text of a guest with these words in front of each of its lines.
pub(super) fn behind(what: &str, text: &str) -> String {
    format!("{what}: {}", printable(text).replace('\n', &format!("\n{what}: ")))
}

impl JobEvents for Spectator {
    fn progress(&self, progress: Progress) {
        let figures = match progress.total {
            0 => progress.done.to_string(),
            total => format!("{}/{total}", progress.done),
        };
        // Cut, so that it stays one line.
        let text = printable(&format!("{figures} {}", progress.note)).replace('\n', " ");
        self.draw(&mut self.shown(), Some(text.chars().take(70).collect()));
    }

    fn log(&self, line: LogLine) {
        let level = match line.level {
            LogLevel::Debug => "debug",
            LogLevel::Info => "info",
            LogLevel::Warn => "warn",
            LogLevel::Error => "error",
        };
        let mut text = line.message;
        for (name, value) in &line.fields {
            text.push_str(&format!(" {name}={value}"));
        }
        self.lines(level, &text);
    }

    fn chunk(&self, chunk: String) {
        self.lines("part", &chunk);
    }

    fn denied(&self, denial: Denial) {
        self.lines("denied", &format!("{} {}", denial.capability, denial.attempt));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_of_a_guest_passes_for_one_of_another_kind() {
        let text = behind("info", "ok\ntrapped: disk is full\r\n\u{1b}[2J\n");
        assert_eq!(text, "info: ok\ninfo: trapped: disk is full\ninfo:  [2J");
    }
}
