//! All jobs that are not over.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use ledger::{JobRecord, PartRecord};
use machine::lock;
use wire::message::job::JobId;
use wire::name::MinionName;

use super::live_job::LiveJob;
use super::update_buffer::FollowerRoom;

/// The jobs that are not over, by their ids, and the room for those who follow them.
#[derive(Default)]
pub(super) struct LiveJobs {
    jobs: Mutex<HashMap<JobId, Arc<LiveJob>>>,
    room: FollowerRoom,
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
