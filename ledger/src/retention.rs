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

    /// At most `limit` of the jobs in the index of ends `space` that need not be kept, the first ended first.
    pub(crate) fn victims(&self, source: &impl Read, space: Keyspace, now: u64, limit: usize) -> Vec<Ended> {
        let rows = || {
            source.scan(space, Span::all()).filter_map(|(key, bytes)| {
                let (at, job) = key::time_and_job(&key)?;
                Some((Ended { at, job }, record::as_number(&bytes)))
            })
        };
        let mut excess = match self.bytes {
            Some(budget) => rows().map(|(_, bytes)| bytes).sum::<u64>().saturating_sub(budget),
            None => 0,
        };
        let expired = |at: u64| self.keep_ms.is_some_and(|keep| at.saturating_add(keep) <= now);
        rows()
            .take_while(|(ended, bytes)| {
                let over = excess > 0;
                excess = excess.saturating_sub(*bytes);
                over || expired(ended.at)
            })
            .take(limit)
            .map(|(ended, _)| ended)
            .collect()
    }
}

const SHORTEST_INTERVAL: Duration = Duration::from_secs(1);
const LONGEST_INTERVAL: Duration = Duration::from_secs(600);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retention_is_applied_once_in_its_time_and_neither_all_the_time_nor_hardly_ever() {
        let interval = |keep_ms| Retention { keep_ms, bytes: None }.interval();
        assert_eq!(interval(Some(0)), Duration::from_secs(1));
        assert_eq!(interval(Some(60_000)), Duration::from_secs(60));
        assert_eq!(interval(Some(u64::MAX)), Duration::from_secs(600));
        assert_eq!(interval(None), Duration::from_secs(600));
    }
}
