//! What a waiting terminal shows on stderr while minions work.

mod board;
mod equal_lines;

use std::time::{Duration, Instant};

use output::{MultiProgress, ProgressBar, ProgressStyle, note};
use wire::message::call::{self, LogLine};
use wire::message::job::OutcomeKind;
use wire::message::operator::Absence;
use wire::name::MinionName;

use self::board::Board;
use self::equal_lines::Voices;

/// A row for the whole job, and one for each of a few minions that run it.
///
/// Draws nothing where stderr is not a terminal, or where the job is over at once. Gone when it is dropped.
pub(super) struct Progress {
    board: Board,
    voices: Voices,
    bars: MultiProgress,
    rows: Vec<ProgressBar>,
    started: Instant,
}

impl Progress {
    /// For a job on this many minions.
    pub(super) fn new(minions: usize) -> Self {
        let (bars, rows) = (output::bars(), Vec::new());
        Self { board: Board::new(minions), voices: Voices::default(), bars, rows, started: Instant::now() }
    }

    /// Draws what is known by now; to be called every so often.
    pub(super) fn tick(&mut self) {
        self.tell();
        let elapsed = self.started.elapsed();
        if self.bars.is_hidden() || elapsed < PATIENCE {
            return;
        }
        let lines = self.board.rows(height(), elapsed);
        for surplus in self.rows.split_off(lines.len().min(self.rows.len())) {
            surplus.finish_and_clear();
            self.bars.remove(&surplus);
        }
        for (place, line) in lines.into_iter().enumerate() {
            if place == self.rows.len() {
                let style = style(if place == 0 { TOTAL } else { PART });
                self.rows.push(self.bars.add(ProgressBar::no_length().with_style(style)));
            }
            self.rows[place].set_message(line);
            self.rows[place].tick();
        }
    }

    /// A minion has begun.
    pub(super) fn runs(&mut self, minion: &MinionName) {
        self.board.runs(minion);
    }

    /// A minion says how far it is.
    pub(super) fn part(&mut self, minion: &MinionName, progress: call::Progress) {
        self.board.progress(minion, progress);
    }

    /// A minion is done.
    pub(super) fn ended(&mut self, minion: &MinionName, outcome: OutcomeKind) {
        self.board.ended(minion, outcome);
    }

    /// These are out of touch, and nobody else.
    pub(super) fn out_of_touch(&mut self, minions: Vec<(MinionName, Absence)>) {
        self.board.out_of_touch(minions);
    }

    /// A minion says something to people.
    pub(super) fn log(&mut self, minion: &MinionName, line: &LogLine) {
        let level = match line.level {
            call::LogLevel::Debug => "debug",
            call::LogLevel::Info => "info",
            call::LogLevel::Warn => "warn",
            call::LogLevel::Error => "error",
        };
        let fields: String = line.fields.iter().map(|(name, value)| format!(" {name}={value}")).collect();
        self.say(minion, &format!("{level}: {}{fields}", line.message));
    }

    /// Says, above the rows and at the next tick, what a minion said: each of its lines behind its name, and once where
    /// others say the same.
    pub(super) fn say(&mut self, minion: &MinionName, text: &str) {
        self.voices.say(minion, text);
        if self.voices.are_many() {
            self.tell();
        }
    }

    fn tell(&mut self) {
        let lines = self.voices.drain();
        if !lines.is_empty() {
            self.aside(|| lines.into_iter().for_each(note));
        }
    }

    /// Does something that writes to the terminal without the rows in its way.
    pub(super) fn aside<T>(&self, write: impl FnOnce() -> T) -> T {
        self.bars.suspend(write)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.tell();
        // What cannot be cleared was not drawn.
        let _ = self.bars.clear();
    }
}

/// How many lines the terminal has, where it knows.
fn height() -> Option<usize> {
    output::terminal_height()
}

fn style(template: &str) -> ProgressStyle {
    // Only the two below come here, each a constant that every run makes a style of.
    ProgressStyle::with_template(template).expect("the templates below are valid")
}

// Wide messages are cut where the terminal ends.
const TOTAL: &str = "{spinner} {wide_msg}";
const PART: &str = "    {wide_msg}";

/// A job that is over sooner shows no rows at all.
const PATIENCE: Duration = Duration::from_millis(300);
