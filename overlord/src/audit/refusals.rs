//! What was refused: few entries of the audit log, however many refusals there are and wherever they come from.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use machine::lock;

/// Counts refusals by kind, so that nobody who is refused rotates the entries of others out of the log.
pub(super) struct Refusals<K> {
    /// How many of one kind are written within a [`WHILE`], of all sources; no more sources are remembered.
    most: usize,
    /// The same, of one source.
    most_of_source: usize,
    counted: Mutex<BTreeMap<K, Counted>>,
}

/// What was refused within a while.
struct Counted {
    since: Instant,
    /// How many entries there are of each source.
    sources: BTreeMap<String, usize>,
    written: usize,
    left_out: u64,
}

impl<K: Ord + Clone> Refusals<K> {
    pub(super) fn new(most: usize, most_of_source: usize) -> Self {
        Self { most, most_of_source, counted: Mutex::default() }
    }

    /// Counts a refusal, and says whether it gets an entry of its own.
    pub(super) fn is_written(&self, kind: K, source: String, now: Instant) -> bool {
        let mut all = lock::hold(&self.counted);
        let begun = || Counted { since: now, sources: BTreeMap::new(), written: 0, left_out: 0 };
        let counted = all.entry(kind).or_insert_with(begun);
        let of_source = counted.sources.get(&source).copied().unwrap_or_default();
        if counted.written >= self.most || of_source >= self.most_of_source {
            counted.left_out += 1;
            return false;
        }
        counted.written += 1;
        counted.sources.insert(source, of_source + 1);
        true
    }

    /// How many were left out of each kind within a while that is over at `now`, or of all of them. What comes later begins
    /// anew.
    pub(super) fn summary(&self, now: Option<Instant>) -> Vec<(K, u64)> {
        let mut left_out = Vec::new();
        lock::hold(&self.counted).retain(|kind, counted| {
            let is_over = now.is_none_or(|now| now.saturating_duration_since(counted.since) >= WHILE);
            if is_over && counted.left_out > 0 {
                left_out.push((kind.clone(), counted.left_out));
            }
            !is_over
        });
        left_out
    }
}

/// How long refusals are counted together.
const WHILE: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_refusals_few_are_written_and_the_others_counted() {
        let (refusals, start) = (Refusals::new(20, 20), Instant::now());
        let written = |kind: (&'static str, &'static str), times: usize| {
            (0..times).filter(|_| refusals.is_written(kind, String::new(), start)).count()
        };
        assert_eq!(written(("bob", "call"), 1000), 20);
        assert_eq!(written(("bob", "see minions"), 1), 1, "another kind has entries of its own");
        assert_eq!(written(("eve", "call"), 3), 3, "and so has another operator");
        assert_eq!(refusals.summary(Some(start)), [], "the while is not over");
        assert_eq!(refusals.summary(Some(start + WHILE)), [(("bob", "call"), 1000 - 20)]);
        assert_eq!(written(("bob", "call"), 1), 1, "it begins anew");
        assert_eq!(refusals.summary(None), []);
    }

    #[test]
    fn of_many_refusals_few_are_written_from_however_many_sources() {
        let (refusals, start) = (Refusals::new(100, 20), Instant::now());
        let written = |event: &'static str, source: &str, times: usize| {
            (0..times).filter(|_| refusals.is_written(event, source.to_owned(), start)).count()
        };
        assert_eq!(written("newcomer-refused", "192.0.2.1", 1000), 20);
        assert_eq!(written("newcomer-refused", "192.0.2.2", 3), 3, "another source has entries of its own");
        let many =
            (0..1000).map(|host| written("newcomer-refused", &format!("host {host}"), 1)).sum::<usize>();
        assert_eq!(many, 100 - 20 - 3);
        assert_eq!(written("minion-refused", "192.0.2.1", 1), 1, "another event has entries of its own");
        assert_eq!(refusals.summary(Some(start)), [], "the while is not over");
        let left_out = 1000 - 20 + 1000 - many;
        assert_eq!(refusals.summary(Some(start + WHILE)), [("newcomer-refused", left_out as u64)]);
        assert_eq!(written("newcomer-refused", "192.0.2.1", 1), 1, "it begins anew");
        assert_eq!(refusals.summary(None), []);
    }
}
