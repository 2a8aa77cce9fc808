//! Peers that were turned away: few entries of the audit log, from however many addresses they come.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use machine::lock;

/// Counts refusals of peers by event, so that nobody who can only knock rotates the entries of others out of the log.
#[derive(Default)]
pub(super) struct TurnedAway(Mutex<BTreeMap<&'static str, Counted>>);

/// What was refused within a while.
struct Counted {
    since: Instant,
    /// How many entries there are of each source.
    sources: BTreeMap<String, usize>,
    written: usize,
    left_out: u64,
}

impl TurnedAway {
    /// Counts a refusal, and says whether it gets an entry of its own.
    pub(super) fn is_written(&self, event: &'static str, source: String, now: Instant) -> bool {
        let mut all = lock::hold(&self.0);
        let begun = || Counted { since: now, sources: BTreeMap::new(), written: 0, left_out: 0 };
        let counted = all.entry(event).or_insert_with(begun);
        let of_source = counted.sources.get(&source).copied().unwrap_or_default();
        if counted.written >= WRITTEN || of_source >= WRITTEN_OF_SOURCE {
            counted.left_out += 1;
            return false;
        }
        counted.written += 1;
        counted.sources.insert(source, of_source + 1);
        true
    }

    /// How many were left out of each event within a while that is over at `now`, or of all of them. What comes later begins
    /// anew.
    pub(super) fn summary(&self, now: Option<Instant>) -> Vec<(&'static str, u64)> {
        let mut left_out = Vec::new();
        lock::hold(&self.0).retain(|event, counted| {
            let is_over = now.is_none_or(|now| now.saturating_duration_since(counted.since) >= WHILE);
            if is_over && counted.left_out > 0 {
                left_out.push((*event, counted.left_out));
            }
            !is_over
        });
        left_out
    }
}

/// How many refusals of one event are written within a [`WHILE`], of all sources; no more sources are remembered.
const WRITTEN: usize = 100;
/// The same, of one source.
const WRITTEN_OF_SOURCE: usize = 20;
/// How long refusals are counted together.
const WHILE: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_refusals_few_are_written_from_however_many_sources_and_the_others_counted() {
        let (turned_away, start) = (TurnedAway::default(), Instant::now());
        let written = |event, source: &str, times: usize| {
            (0..times).filter(|_| turned_away.is_written(event, source.to_owned(), start)).count()
        };
        assert_eq!(written("newcomer-refused", "192.0.2.1", 1000), WRITTEN_OF_SOURCE);
        assert_eq!(written("newcomer-refused", "192.0.2.2", 3), 3, "another source has entries of its own");
        let many =
            (0..1000).map(|host| written("newcomer-refused", &format!("host {host}"), 1)).sum::<usize>();
        assert_eq!(many, WRITTEN - WRITTEN_OF_SOURCE - 3);
        assert_eq!(written("minion-refused", "192.0.2.1", 1), 1, "another event has entries of its own");
        assert_eq!(turned_away.summary(Some(start)), [], "the while is not over");
        let left_out = 1000 - WRITTEN_OF_SOURCE + 1000 - many;
        assert_eq!(turned_away.summary(Some(start + WHILE)), [("newcomer-refused", left_out as u64)]);
        assert_eq!(written("newcomer-refused", "192.0.2.1", 1), 1, "it begins anew");
        assert_eq!(turned_away.summary(None), []);
    }
}
