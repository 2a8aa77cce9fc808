//! How long finished jobs are kept.

use wire::job::JobId;

use crate::key::{self, Span};
use crate::read::Read;
use crate::record;
use crate::space::Space;

/// How long, and how many bytes of, finished jobs are kept. Jobs that are not over are never purged.
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

/// A finished job as the index of ends has it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ended {
    /// When it ended.
    pub(crate) at: u64,
    /// Which job.
    pub(crate) job: JobId,
}

impl Retention {
    /// At most `limit` of the jobs in the index of ends `space` that need not be kept, first ended first.
    pub(crate) fn victims(&self, source: &impl Read, space: Space, now: u64, limit: usize) -> Vec<Ended> {
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
