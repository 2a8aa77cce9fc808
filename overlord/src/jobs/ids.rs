//! Ids for new jobs.

use std::sync::Mutex;

use machine::lock;
use wire::message::job::JobId;

/// Gives out ids, each of which sorts after those before it, even where the clock was set back.
pub(super) struct JobIds(Mutex<Option<JobId>>);

impl JobIds {
    /// The next one sorts after `newest`, where there is one.
    pub(super) fn after(newest: Option<JobId>) -> Self {
        Self(Mutex::new(newest))
    }

    /// An id for a new job.
    pub(super) fn next(&self) -> JobId {
        let mut newest = lock::hold(&self.0);
        let next = newest.map_or_else(JobId::new, JobId::after);
        *newest = Some(next);
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_go_upwards_even_after_one_of_the_future() {
        let far = JobId::from_bytes([0x7f; 16]);
        let ids = JobIds::after(Some(far));
        let (first, second) = (ids.next(), ids.next());
        assert!(far < first && first < second);
    }
}
