//! What a waiting terminal shows on stderr while minions work.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use wire::call::{self, LogLine};
use wire::name::MinionName;

use super::output::note;
use crate::report::text::printable;

/// One bar for the whole job, and one for each of a few minions that say how far they are.
///
/// Draws nothing where stderr is not a terminal, or where the job is over at once. Gone when it is dropped.
pub(super) struct Progress {
    bars: MultiProgress,
    total: ProgressBar,
    parts: BTreeMap<MinionName, ProgressBar>,
    started: Instant,
    shown: bool,
    not_ok: usize,
}

impl Progress {
    /// For a job on this many minions.
    pub(super) fn new(minions: usize) -> Self {
        let total = ProgressBar::hidden().with_style(style(TOTAL));
        total.set_length(minions as u64);
        let (bars, parts) = (MultiProgress::new(), BTreeMap::new());
        Self { bars, total, parts, started: Instant::now(), shown: false, not_ok: 0 }
    }

    /// Shows that time goes on; to be called every so often.
    pub(super) fn tick(&mut self) {
        if !self.shown && self.started.elapsed() >= PATIENCE {
            self.shown = true;
            self.bars.add(self.total.clone());
            for bar in self.parts.values() {
                self.bars.add(bar.clone());
            }
        }
        self.total.tick();
        for bar in self.parts.values() {
            bar.tick();
        }
    }

    /// A minion says how far it is.
    pub(super) fn part(&mut self, minion: &MinionName, progress: &call::Progress) {
        if !self.parts.contains_key(minion) {
            // More would push the rest off the screen; the others come in as these end.
            if self.parts.len() >= MAX_PARTS {
                return;
            }
            let bar = ProgressBar::hidden().with_prefix(minion.to_string());
            if self.shown {
                self.bars.add(bar.clone());
            }
            self.parts.insert(minion.clone(), bar);
        }
        let Some(bar) = self.parts.get(minion) else { return };
        bar.set_style(style(if progress.total == 0 { PART_OF_UNKNOWN } else { PART }));
        bar.set_length(progress.total);
        bar.set_position(progress.done);
        bar.set_message(printable(&progress.note));
    }

    /// A minion is done.
    pub(super) fn ended(&mut self, minion: &MinionName, ok: bool) {
        if let Some(bar) = self.parts.remove(minion) {
            bar.finish_and_clear();
            self.bars.remove(&bar);
        }
        if !ok {
            self.not_ok += 1;
            self.total.set_message(format!("{} not ok", self.not_ok));
        }
        self.total.inc(1);
    }

    /// A minion says something to people.
    pub(super) fn log(&self, minion: &MinionName, line: &LogLine) {
        let level = match line.level {
            call::LogLevel::Debug => "debug",
            call::LogLevel::Info => "info",
            call::LogLevel::Warn => "warn",
            call::LogLevel::Error => "error",
        };
        let fields: String = line.fields.iter().map(|(name, value)| format!(" {name}={value}")).collect();
        self.say(minion, &format!("{level}: {}{fields}", line.message));
    }

    /// Prints a line above the bars.
    pub(super) fn say(&self, minion: &MinionName, text: &str) {
        self.aside(|| note(format_args!("{minion}: {}", printable(text))));
    }

    /// Does something that writes to the terminal without the bars in its way.
    pub(super) fn aside<T>(&self, write: impl FnOnce() -> T) -> T {
        self.bars.suspend(write)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        // What cannot be cleared was not drawn.
        let _ = self.bars.clear();
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the templates below are valid").progress_chars("=> ")
}

const TOTAL: &str = "{spinner} [{bar:30}] {pos}/{len} minions, {elapsed} {wide_msg}";
const PART: &str = "    {prefix} [{bar:20}] {pos}/{len} {wide_msg}";
const PART_OF_UNKNOWN: &str = "    {prefix} {spinner} {pos} {wide_msg}";

/// How many minions get a bar of their own.
const MAX_PARTS: usize = 8;

/// A job that is over sooner shows no bar at all.
const PATIENCE: Duration = Duration::from_millis(300);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_hundred_minions_get_one_screen_of_bars() {
        let mut progress = Progress::new(300);
        for n in 0..300 {
            let minion: MinionName = format!("web{n}").parse().expect("a name");
            let report = call::Progress { done: n, total: n % 2, note: "work\u{7}ing".into() };
            progress.part(&minion, &report);
        }
        assert_eq!(progress.parts.len(), MAX_PARTS);
        progress.ended(&"web0".parse().expect("a name"), false);
        assert_eq!((progress.parts.len(), progress.total.position()), (MAX_PARTS - 1, 1));
        assert_eq!(progress.total.message(), "1 not ok");
    }
}
