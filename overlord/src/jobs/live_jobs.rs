//! All jobs that are not over.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use ledger::{JobRecord, PartRecord};
use machine::forward::Forward;
use machine::lock;
use wire::message::job::JobId;
use wire::name::MinionName;

use super::live_job::LiveJob;
use super::update_buffer::FollowerRoom;

/// The jobs that are not over, by their ids, and the room for those who follow them.
pub(super) struct LiveJobs {
    jobs: Mutex<HashMap<JobId, Arc<LiveJob>>>,
    room: FollowerRoom,
    known: Forward<Known>,
}

/// How many of the jobs are here that an earlier life of the daemon left unfinished.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Known {
    /// Some of them: they are still being read.
    Some,
    /// All of them.
    All,
}

/// The moment from which on all jobs are known, which is when this is dropped.
pub(super) struct KnownAtLast(Forward<Known>);

impl Drop for KnownAtLast {
    fn drop(&mut self) {
        self.0.advance(Known::All);
    }
}

impl Default for LiveJobs {
    fn default() -> Self {
        Self { jobs: Mutex::default(), room: FollowerRoom::default(), known: Forward::new(Known::Some) }
    }
}

impl LiveJobs {
    /// Adds a job of which the ledger knows this much. A new one is added before the ledger shows it, so that whoever
    /// finds it there can follow it.
    pub(super) fn enter(&self, record: JobRecord, parts: Vec<(MinionName, PartRecord)>) -> Arc<LiveJob> {
        let job = self.unlisted(record, parts);
        self.lock().insert(job.record.id, job.clone());
        job
    }

    /// A job that is over, for what is still to be heard of it: nobody finds it here.
    pub(super) fn unlisted(&self, record: JobRecord, parts: Vec<(MinionName, PartRecord)>) -> Arc<LiveJob> {
        LiveJob::new(record, parts, self.room.clone())
    }

    /// The job with this id; `None` where it is over or unknown.
    pub(super) fn find(&self, id: JobId) -> Option<Arc<LiveJob>> {
        self.lock().get(&id).cloned()
    }

    /// Says, once it is dropped, that all are here which an earlier life of the daemon left unfinished.
    pub(super) fn known_at_last(&self) -> KnownAtLast {
        KnownAtLast(self.known.clone())
    }

    /// Waits until all of those are here.
    pub(super) async fn until_all_are_known(&self) {
        self.known.reached(Known::All).await;
    }

    /// Forgets a job that is over; the ledger has it.
    pub(super) fn leave(&self, id: JobId) {
        self.lock().remove(&id);
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<JobId, Arc<LiveJob>>> {
        lock::hold(&self.jobs)
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn whoever_asks_for_jobs_of_an_earlier_life_waits_until_all_are_known() {
        let live = LiveJobs::default();
        let known = live.known_at_last();
        let mut waits = Box::pin(live.until_all_are_known());
        assert!(waits.as_mut().now_or_never().is_none());
        drop(known);
        assert!(waits.now_or_never().is_some());
        assert!(live.until_all_are_known().now_or_never().is_some());
    }
}
