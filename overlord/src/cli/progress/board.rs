//! What is known of a job that is under way, as the rows that show it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use wire::message::call::Progress;
use wire::message::job::OutcomeKind;
use wire::message::operator::Absence;
use wire::name::MinionName;

use machine::moment::local;
use wire::document::text::printable;

/// How far the minions of a job are.
pub(super) struct Board {
    minions: usize,
    ended: usize,
    /// How often each outcome occurred, in the order of first appearance.
    counts: Vec<(OutcomeKind, usize)>,
    /// Those that run it, with how far they say they are.
    running: BTreeMap<MinionName, Option<Progress>>,
    /// Those that are out of touch and not done, each with since when.
    away: BTreeMap<MinionName, u64>,
}

impl Board {
    /// Of a job on this many minions that nothing is known of yet.
    pub(super) fn new(minions: usize) -> Self {
        Self { minions, ended: 0, counts: Vec::new(), running: BTreeMap::new(), away: BTreeMap::new() }
    }

    /// A minion has begun.
    pub(super) fn runs(&mut self, minion: &MinionName) {
        self.running.entry(minion.clone()).or_default();
    }

    /// A minion says how far it is.
    pub(super) fn progress(&mut self, minion: &MinionName, progress: Progress) {
        self.running.insert(minion.clone(), Some(progress));
    }

    /// A minion is done.
    pub(super) fn ended(&mut self, minion: &MinionName, outcome: OutcomeKind) {
        self.running.remove(minion);
        self.away.remove(minion);
        self.ended += 1;
        match self.counts.iter_mut().find(|(kind, _)| *kind == outcome) {
            Some((_, count)) => *count += 1,
            None => self.counts.push((outcome, 1)),
        }
    }

    /// These are out of touch, and nobody else.
    pub(super) fn out_of_touch(&mut self, minions: Vec<(MinionName, Absence)>) {
        self.away = minions.into_iter().map(|(minion, absence)| (minion, absence.lost_at)).collect();
    }

    /// The rows: one for the job, and below it one for each of as many minions that are not done as there is room for
    /// on a terminal of this height. Those that are out of touch come first, then those that say how far they are, each
    /// kind by name, so that a row moves only where another one ends.
    pub(super) fn rows(&self, height: Option<usize>, elapsed: Duration) -> Vec<String> {
        // The last line is the cursor's.
        let room = height.map_or(MAX_PARTS, |height| height.saturating_sub(2).min(MAX_PARTS));
        let here = self.running.iter().filter(|(minion, _)| !self.away.contains_key(minion));
        let (telling, silent): (Vec<_>, Vec<_>) = here.partition(|(_, progress)| progress.is_some());
        let away =
            self.away.iter().map(|(minion, since)| (minion, format!("out of touch since {}", local(*since))));
        let here = telling.into_iter().chain(silent).map(|(minion, progress)| {
            (minion, progress.as_ref().map_or_else(|| "running".to_owned(), how_far))
        });
        let shown: Vec<_> = away.chain(here).take(room).collect();
        let names = shown.iter().map(|(minion, _)| minion.as_str().len()).max().unwrap_or_default();
        let mut rows = vec![self.total(elapsed)];
        rows.extend(shown.into_iter().map(|(minion, how_far)| format!("{minion:<names$}  {how_far}")));
        rows
    }

    fn total(&self, elapsed: Duration) -> String {
        let (ended, minions) = (self.ended, self.minions);
        let bar = bar(ended as u64, minions as u64, TOTAL_WIDTH);
        let mut row = format!("{bar} {ended}/{minions} minions, {}", clock(elapsed));
        for (outcome, count) in &self.counts {
            // Writing to a string cannot fail.
            let _ = write!(row, ", {count} {outcome}");
        }
        let running = self.running.keys().filter(|minion| !self.away.contains_key(*minion)).count();
        for (count, what) in [(running, "running"), (self.away.len(), "out of touch")] {
            if count > 0 {
                let _ = write!(row, ", {count} {what}");
            }
        }
        row
    }
}

/// Whole seconds, and minutes and hours where there are some.
fn clock(elapsed: Duration) -> String {
    let elapsed = elapsed.as_secs();
    let (hours, minutes, seconds) = (elapsed / 3600, elapsed / 60 % 60, elapsed % 60);
    match (hours, minutes) {
        (0, 0) => format!("{seconds}s"),
        (0, _) => format!("{minutes}m {seconds:02}s"),
        _ => format!("{hours}h {minutes:02}m {seconds:02}s"),
    }
}

fn how_far(progress: &Progress) -> String {
    let Progress { done, total, note } = progress;
    // One row has one line.
    let note = printable(note).replace('\n', " ");
    let figures = match total {
        0 => done.to_string(),
        total => format!("{} {done}/{total}", bar(*done, *total, PART_WIDTH)),
    };
    format!("{figures} {note}").trim_end().to_owned()
}

fn bar(done: u64, total: u64, width: usize) -> String {
    let width_128 = width as u128;
    let filled = (u128::from(done) * width_128).checked_div(u128::from(total)).unwrap_or(0).min(width_128);
    let filled = usize::try_from(filled).unwrap_or(width);
    let tip = if filled < width { ">" } else { "" };
    format!("[{}{tip}{}]", "=".repeat(filled), " ".repeat(width - filled - tip.len()))
}

/// How many minions get a row of their own where the terminal has room.
const MAX_PARTS: usize = 8;

/// How wide the bars are.
const TOTAL_WIDTH: usize = 30;
const PART_WIDTH: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn name(number: usize) -> MinionName {
        format!("web{number}").parse().expect("a name")
    }

    fn halfway(note: &str) -> Progress {
        Progress { done: 5, total: 10, note: note.into() }
    }

    #[test]
    fn three_minions_have_a_row_each_below_that_of_the_job() {
        let mut board = Board::new(3);
        board.runs(&name(1));
        board.progress(&name(10), halfway("copying"));
        board.progress(&name(2), Progress { done: 7, total: 0, note: "two\nlines\u{7}".into() });
        assert_eq!(
            board.rows(Some(24), Duration::from_secs(75)),
            [
                "[>                             ] 0/3 minions, 1m 15s, 3 running",
                "web2   7 two lines",
                "web10  [==========>         ] 5/10 copying",
                "web1   running",
            ]
        );
        board.ended(&name(1), OutcomeKind::Ok);
        board.ended(&name(2), OutcomeKind::Ok);
        board.ended(&name(10), OutcomeKind::Trapped);
        assert_eq!(
            board.rows(Some(24), Duration::from_secs(3700)),
            ["[==============================] 3/3 minions, 1h 01m 40s, 2 ok, 1 trapped"]
        );
    }

    #[test]
    fn those_out_of_touch_come_first_and_do_not_run() {
        let mut board = Board::new(3);
        (1..=3).for_each(|number| board.runs(&name(number)));
        let absence = Absence { lost_at: 1_700_000_000_000, for_ms: 0, kept_ms: None, overdue: false };
        board.out_of_touch(vec![(name(3), absence)]);
        let rows = board.rows(None, Duration::ZERO);
        assert!(rows[0].ends_with("0/3 minions, 0s, 2 running, 1 out of touch"), "{rows:?}");
        assert!(rows[1].starts_with("web3  out of touch since 2023-11-1"), "{rows:?}");
        assert_eq!(rows[2..], ["web1  running", "web2  running"]);
        board.out_of_touch(Vec::new());
        assert_eq!(board.rows(None, Duration::ZERO)[3], "web3  running");
    }

    #[test]
    fn three_hundred_minions_have_one_screen_of_rows_however_low_it_is() {
        let mut board = Board::new(300);
        for number in 0..300 {
            board.progress(&name(number), halfway("working"));
        }
        for number in 0..100 {
            board.ended(&name(number), if number % 10 == 0 { OutcomeKind::Error } else { OutcomeKind::Ok });
        }
        let rows = board.rows(Some(24), Duration::from_secs(12));
        assert_eq!(rows.len(), 1 + MAX_PARTS);
        assert_eq!(
            rows[0],
            "[==========>                   ] 100/300 minions, 12s, 10 error, 90 ok, 200 running"
        );
        for (height, fit) in [(Some(6), 5), (Some(2), 1), (Some(1), 1), (None, 1 + MAX_PARTS)] {
            assert_eq!(board.rows(height, Duration::ZERO).len(), fit, "{height:?}");
        }
    }

    #[test]
    fn a_row_that_goes_lets_the_others_stay_in_order() {
        let mut board = Board::new(20);
        (10..20).for_each(|number| board.progress(&name(number), halfway("")));
        let before = board.rows(None, Duration::ZERO);
        board.ended(&name(12), OutcomeKind::Ok);
        let after = board.rows(None, Duration::ZERO);
        assert_eq!(before[1..3], after[1..3]);
        assert_eq!(before[4..], after[3..MAX_PARTS]);
        assert!(after[MAX_PARTS].starts_with("web18"), "the next one takes the place that is left");
    }

    #[test]
    fn a_bar_bears_any_figures() {
        assert_eq!(bar(0, 0, 4), "[>   ]");
        assert_eq!(bar(u64::MAX, 1, 4), "[====]");
        assert_eq!(bar(u64::MAX / 2, u64::MAX, 4), "[=>  ]");
    }
}
