//! What a waiting terminal shows on stderr while a module travels.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use output::{HumanBytes, MultiProgress, ProgressBar, ProgressStyle};
use wire::message::catalogue::RolloutStep;
use wire::name::MinionName;

/// A bar for the way to the overlord, then one for all minions, and one for each of a few that are being
/// sent bytes.
///
/// Draws nothing where stderr is not a terminal, or where it is over at once. Gone when it is dropped.
pub(super) struct Bars {
    bars: MultiProgress,
    upload: ProgressBar,
    total: ProgressBar,
    sending: BTreeMap<MinionName, ProgressBar>,
    /// Where the minions are that have not ended.
    steps: BTreeMap<MinionName, &'static str>,
    size: u64,
    failed: usize,
    started: Instant,
    shown: bool,
}

impl Bars {
    /// For a file of this size; none for a change without one.
    pub(super) fn new(size: u64) -> Self {
        let upload = ProgressBar::hidden().with_style(style(UPLOAD));
        upload.set_length(size);
        Self {
            bars: output::bars(),
            upload,
            total: ProgressBar::hidden().with_style(style(TOTAL)),
            sending: BTreeMap::new(),
            steps: BTreeMap::new(),
            size,
            failed: 0,
            started: Instant::now(),
            shown: false,
        }
    }

    /// Shows that time goes on; to be called every so often.
    pub(super) fn tick(&mut self) {
        if !self.shown && self.started.elapsed() >= PATIENCE {
            self.shown = true;
            let first = if self.total.length().is_none() { &self.upload } else { &self.total };
            self.bars.add(first.clone());
            for bar in self.sending.values() {
                self.bars.add(bar.clone());
            }
        }
        self.total.set_message(self.summary());
        for bar in self.sending.values().chain([&self.upload, &self.total]) {
            bar.tick();
        }
    }

    /// So many bytes have reached the overlord.
    pub(super) fn uploaded(&self, done: u64) {
        self.upload.set_position(done);
    }

    /// It goes to so many minions.
    pub(super) fn began(&mut self, minions: usize) {
        self.upload.finish_and_clear();
        self.bars.remove(&self.upload);
        self.total.set_length(minions as u64);
        if self.shown {
            self.bars.add(self.total.clone());
        }
    }

    /// A minion is so far.
    pub(super) fn step(&mut self, minion: &MinionName, step: &RolloutStep) {
        let word = match step {
            RolloutStep::Bytes(done) => {
                self.sending(minion, *done);
                "receiving"
            }
            RolloutStep::State(state) => {
                self.sent(minion);
                state.as_str()
            }
            RolloutStep::Awaited => {
                self.sent(minion);
                "awaited"
            }
        };
        self.steps.insert(minion.clone(), word);
    }

    /// A minion has ended.
    pub(super) fn ended(&mut self, minion: &MinionName, well: bool) {
        self.sent(minion);
        self.steps.remove(minion);
        self.failed += usize::from(!well);
        self.total.inc(1);
    }

    /// Does something that writes to the terminal without the bars in its way.
    pub(super) fn aside<T>(&self, write: impl FnOnce() -> T) -> T {
        self.bars.suspend(write)
    }

    fn sending(&mut self, minion: &MinionName, done: u64) {
        if !self.sending.contains_key(minion) {
            // More would push the rest off the screen; the others come in as these end.
            if self.sending.len() >= MAX_SENDING {
                return;
            }
            let bar = ProgressBar::hidden().with_prefix(minion.to_string()).with_style(style(SENDING));
            bar.set_length(self.size);
            if self.shown {
                self.bars.add(bar.clone());
            }
            self.sending.insert(minion.clone(), bar);
        }
        if let Some(bar) = self.sending.get(minion) {
            bar.set_position(done);
            bar.set_message(format!("{}", HumanBytes(done)));
        }
    }

    fn sent(&mut self, minion: &MinionName) {
        if let Some(bar) = self.sending.remove(minion) {
            bar.finish_and_clear();
            self.bars.remove(&bar);
        }
    }

    /// How many minions are where.
    fn summary(&self) -> String {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for word in self.steps.values() {
            *counts.entry(word).or_default() += 1;
        }
        // Of these nothing is known yet: others are sent bytes before them, or they have not answered.
        let known = self.total.position() + self.steps.len() as u64;
        let waiting = self.total.length().unwrap_or(0).saturating_sub(known);
        let waiting = (waiting > 0).then(|| format!("{waiting} waiting"));
        let failed = (self.failed > 0).then(|| format!("{} not ok", self.failed));
        let counts = counts.into_iter().map(|(word, count)| format!("{count} {word}"));
        counts.chain(waiting).chain(failed).collect::<Vec<_>>().join(", ")
    }
}

impl Drop for Bars {
    fn drop(&mut self) {
        // What cannot be cleared was not drawn.
        let _ = self.bars.clear();
    }
}

fn style(template: &str) -> ProgressStyle {
    // Only the three below come here, each a constant that a test below makes a style of.
    ProgressStyle::with_template(template).expect("the templates below are valid").progress_chars("=> ")
}

const UPLOAD: &str = "{spinner} [{bar:30}] {bytes}/{total_bytes} to the overlord, {elapsed}";
const TOTAL: &str = "{spinner} [{bar:30}] {pos}/{len} minions, {elapsed} {wide_msg}";
const SENDING: &str = "    {prefix:24!} [{bar:20}] {wide_msg}";

/// How many minions get a bar of their own.
const MAX_SENDING: usize = 8;

/// What is over sooner shows no bar at all.
const PATIENCE: Duration = Duration::from_millis(300);

#[cfg(test)]
mod tests {
    use wire::message::module::ModuleState;

    use super::*;

    #[test]
    fn three_hundred_minions_get_one_screen_of_bars() {
        let name = |n: usize| -> MinionName { format!("web{n}").parse().expect("a name") };
        let mut bars = Bars::new(100);
        bars.began(300);
        assert_eq!(bars.summary(), "300 waiting");
        for n in 0..280 {
            bars.step(&name(n), &RolloutStep::Bytes(50));
        }
        assert_eq!(bars.sending.len(), MAX_SENDING);
        for n in 0..100 {
            bars.step(&name(n), &RolloutStep::State(ModuleState::Compiling));
        }
        bars.ended(&name(0), true);
        bars.ended(&name(299), false);
        assert_eq!(bars.summary(), "99 compiling, 180 receiving, 19 waiting, 1 not ok");
        assert_eq!(bars.total.position(), 2);
    }
}
