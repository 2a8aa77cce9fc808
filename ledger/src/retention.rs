//! How long finished jobs are kept, on either side.

use std::time::Duration;

use wire::message::job::JobId;

use crate::key::{self, Span};
use crate::keyspace::Keyspace;
use crate::read::Read;
use crate::record;

/// How long, and how many bytes of, finished jobs are kept. Jobs that are not over are never purged.
/// `overlord.toml` and `minion.toml` set it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// How long after its end a job is kept, in milliseconds; `None` keeps it for ever. Default: 7 days.
    pub keep_ms: Option<u64>,
    /// How many bytes all finished jobs may take before the ones that ended first go; `None` sets no limit.
    /// Default: 1 GiB.
    pub bytes: Option<u64>,
}

impl Default for Retention {
    fn default() -> Self {
        Self { keep_ms: Some(7 * 24 * 60 * 60 * 1000), bytes: Some(1 << 30) }
    }
}

/// A finished job, as the index of ends lists it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ended {
    /// When the job ended, in milliseconds since 1970.
    pub(crate) at: u64,
    /// The job.
    pub(crate) job: JobId,
}

impl Retention {
    /// Keeps jobs for this time, counted from their ends, and as many bytes of them, as `[retention]` of either configuration
    /// says.
    pub fn of(age: Duration, bytes: u64) -> Self {
        Self { keep_ms: Some(u64::try_from(age.as_millis()).unwrap_or(u64::MAX)), bytes: Some(bytes) }
    }

    /// How often a purge with this retention is worth while: once in the time for which jobs are kept, but at
    /// least every ten minutes, and at most every second.
    pub fn interval(&self) -> Duration {
        self.keep_ms
            .map_or(LONGEST_INTERVAL, Duration::from_millis)
            .clamp(SHORTEST_INTERVAL, LONGEST_INTERVAL)
    }
}

/// A purge on its way through the index of ends, a few jobs at a time, so that it holds nobody up however many there are.
pub(crate) struct Purge {
    retention: Retention,
    /// In milliseconds since 1970.
    now: u64,
    stage: Stage,
    /// The key from which on it goes on.
    next: Vec<u8>,
}

/// What a purge is at.
enum Stage {
    /// It adds up what the jobs take that it has seen, in bytes.
    Counting(u64),
    /// It removes jobs that take so many bytes, and those whose time is over.
    Removing(u64),
}

/// What a purge has come to.
pub(crate) enum Purged {
    /// It has only looked, and is to go on.
    Nothing,
    /// These are to be removed together.
    Victims(Vec<Ended>),
    /// It is done.
    All,
}

impl Purge {
    /// A purge at this time, in milliseconds since 1970.
    pub(crate) fn new(retention: Retention, now: u64) -> Self {
        let stage = if retention.bytes.is_some() { Stage::Counting(0) } else { Stage::Removing(0) };
        Self { retention, now, stage, next: Vec::new() }
    }

    /// Goes on in the index of ends `space`: looks at some of it, or finds up to `limit` of the jobs that need not be kept,
    /// the first ended first.
    pub(crate) fn step(&mut self, source: &impl Read, space: Keyspace, limit: usize) -> Purged {
        match self.stage {
            Stage::Counting(bytes) => {
                self.stage = self.count(source, space, bytes);
                Purged::Nothing
            }
            Stage::Removing(excess) => {
                let (victims, excess) = self.victims(source, space, limit, excess);
                self.stage = Stage::Removing(excess);
                if victims.is_empty() { Purged::All } else { Purged::Victims(victims) }
            }
        }
    }

    /// Adds up a piece of the index.
    fn count(&mut self, source: &impl Read, space: Keyspace, before: u64) -> Stage {
        let mut bytes = before;
        let span = Span::all().starting_at(self.next.clone());
        for (nth, (key, value)) in source.scan(space, span).enumerate() {
            if nth == COUNTED_AT_ONCE {
                self.next = key.to_vec();
                return Stage::Counting(bytes);
            }
            bytes = bytes.saturating_add(record::as_number(&value));
        }
        self.next.clear();
        Stage::Removing(self.retention.bytes.map_or(0, |budget| bytes.saturating_sub(budget)))
    }

    fn victims(
        &mut self,
        source: &impl Read,
        space: Keyspace,
        limit: usize,
        mut excess: u64,
    ) -> (Vec<Ended>, u64) {
        let expired =
            |at: u64| self.retention.keep_ms.is_some_and(|keep| at.saturating_add(keep) <= self.now);
        let mut victims = Vec::new();
        // Not from the beginning: what was removed there is passed one by one until the store has cleaned up.
        let span = Span::all().starting_at(self.next.clone());
        let rows = source.scan(space, span).filter_map(|(key, bytes)| {
            let (at, job) = key::time_and_job(&key)?;
            Some((Ended { at, job }, key, record::as_number(&bytes)))
        });
        for (ended, key, bytes) in rows.take(limit) {
            if excess == 0 && !expired(ended.at) {
                break;
            }
            excess = excess.saturating_sub(bytes);
            victims.push(ended);
            self.next = key.to_vec();
            // The first key behind this one.
            self.next.push(0);
        }
        (victims, excess)
    }
}

/// How many jobs of an index are looked at in one go.
const COUNTED_AT_ONCE: usize = 4096;
const SHORTEST_INTERVAL: Duration = Duration::from_secs(1);
const LONGEST_INTERVAL: Duration = Duration::from_secs(600);

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::collections::BTreeMap;

    use super::*;
    use crate::error::LedgerError;
    use crate::read::Spoiled;
    use crate::storage::{Bytes, Scan};

    /// An index of ends in memory, which counts the keys that are read of it.
    struct Ends {
        keys: BTreeMap<Vec<u8>, u64>,
        read: Cell<usize>,
    }

    impl Read for Ends {
        fn bytes(&self, _: Keyspace, _: &[u8]) -> Result<Option<Bytes>, LedgerError> {
            Ok(None)
        }

        fn scan(&self, _: Keyspace, span: Span) -> Scan<'_> {
            let count = |_: &(Bytes, Bytes)| self.read.update(|read| read + 1);
            let row = |(key, bytes): (&Vec<u8>, &u64)| (Bytes::from(key.as_slice()), record::number(*bytes));
            Box::new(self.keys.range(span.bounds()).map(row).inspect(count))
        }

        fn set_aside(&self, _: Spoiled) {}
    }

    #[test]
    fn a_purge_removes_the_first_and_reads_each_job_but_a_few_times() {
        const JOBS: u64 = 20_000;
        let job = |number: u64| JobId::from_bytes(u128::from(number).to_be_bytes());
        let keys = (0..JOBS).map(|number| (key::by_time(number, job(number)), 10)).collect();
        let mut ends = Ends { keys, read: Cell::new(0) };
        // Half of them are too much, and a little more is too old.
        let (oldest, kept) = (JOBS / 2 + 100, JOBS / 2 * 10);
        let retention = Retention { keep_ms: Some(JOBS - oldest + 1), bytes: Some(kept) };
        let (mut purge, mut gone) = (Purge::new(retention, JOBS), Vec::new());
        loop {
            match purge.step(&ends, Keyspace::Ended, 32) {
                Purged::Nothing => {}
                Purged::All => break,
                Purged::Victims(victims) => {
                    assert!(victims.len() <= 32);
                    for Ended { at, job } in victims {
                        ends.keys.remove(&key::by_time(at, job));
                        gone.push(at);
                    }
                }
            }
        }
        assert_eq!(gone, (0..oldest).collect::<Vec<_>>());
        let read = ends.read.get() as u64;
        assert!(read < 2 * JOBS, "{read} keys were read");
    }

    #[test]
    fn retention_is_applied_once_in_its_time_and_neither_all_the_time_nor_hardly_ever() {
        let interval = |keep_ms| Retention { keep_ms, bytes: None }.interval();
        assert_eq!(interval(Some(0)), Duration::from_secs(1));
        assert_eq!(interval(Some(60_000)), Duration::from_secs(60));
        assert_eq!(interval(Some(u64::MAX)), Duration::from_secs(600));
        assert_eq!(interval(None), Duration::from_secs(600));
    }
}
