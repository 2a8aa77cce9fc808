//! The jobs that have a task here, and the table of all of them.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use wire::message::job::JobId;

use crate::jobs::feed::Feed;
use crate::sandbox::CancelSignal;

/// A job between its acceptance and the moment in which the ledger has its outcome.
pub(crate) struct Live {
    /// The overlord's id of the job.
    pub(crate) job: JobId,
    /// What is known of the job, for its followers.
    pub(crate) feed: Arc<Feed>,
    /// Tells the guest to stop.
    pub(crate) cancel: CancelSignal,
    /// Whether the overlord has the outcome already, of which the ledger is told once it has the outcome too.
    acknowledged: AtomicBool,
    /// Whether the end of the minion is the reason why the job was told to stop.
    interrupted: AtomicBool,
}

/// All live jobs, and the ids of jobs that must never start.
#[derive(Default)]
pub(crate) struct Table {
    live: HashMap<JobId, Arc<Live>>,
    settled: Settled,
    closed: bool,
}

/// What the table answers to a job that is to start.
pub(crate) enum Seat {
    /// The job is new here, and in the table now.
    Fresh(Arc<Live>),
    /// The job is live already.
    Taken(Arc<Live>),
    /// The overlord was told that the job is unknown, so it must never start.
    Settled,
    /// The minion is stopping.
    Closed,
}

/// The ids of jobs of which the overlord was told last that they are unknown.
///
/// A start of such a job can only still come over an older connection to this same process, so memory is enough,
/// and so is a bound.
#[derive(Default)]
struct Settled {
    ids: HashSet<JobId>,
    order: VecDeque<JobId>,
}

impl Live {
    fn new(job: JobId) -> Arc<Self> {
        Arc::new(Self {
            job,
            feed: Feed::new(),
            cancel: CancelSignal::new(),
            acknowledged: AtomicBool::new(false),
            interrupted: AtomicBool::new(false),
        })
    }

    /// Makes the job stop because the minion ends.
    pub(crate) fn interrupt(&self) {
        // A job that an operator has asked to stop before ends for that reason, and not because the minion ends.
        self.interrupted.store(!self.cancel.is_cancelled(), Ordering::Relaxed);
        self.cancel.kill();
    }

    /// Whether the end of the minion is the reason why the job was told to stop.
    pub(crate) fn is_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }
}

impl Table {
    /// Puts a job that is to start into the table, unless something stands against it.
    pub(crate) fn seat(&mut self, job: JobId) -> Seat {
        if self.settled.ids.contains(&job) {
            return Seat::Settled;
        }
        match self.live.entry(job) {
            Entry::Occupied(live) => Seat::Taken(live.get().clone()),
            Entry::Vacant(_) if self.closed => Seat::Closed,
            Entry::Vacant(vacant) => Seat::Fresh(vacant.insert(Live::new(job)).clone()),
        }
    }

    /// The live job of that id; `None` where there is none.
    pub(crate) fn live(&self, job: JobId) -> Option<Arc<Live>> {
        self.live.get(&job).cloned()
    }

    /// The live job of that id; where there is none, no job of that id starts from now on.
    pub(crate) fn live_or_settle(&mut self, job: JobId) -> Option<Arc<Live>> {
        let live = self.live(job);
        if live.is_none() {
            self.settled.insert(job);
        }
        live
    }

    /// Takes back that a job of that id must never start, because the ledger has it.
    pub(crate) fn unsettle(&mut self, job: JobId) {
        self.settled.remove(job);
    }

    /// Remembers that the overlord has the outcome of a live job. Returns whether the job is live.
    pub(crate) fn acknowledge(&self, job: JobId) -> bool {
        let live = self.live.get(&job);
        live.inspect(|live| live.acknowledged.store(true, Ordering::Relaxed)).is_some()
    }

    /// Takes this job out of the table, and not a later one of the same id. Returns whether the overlord has its
    /// outcome already; `true` is only returned to the first caller who takes the job out.
    pub(crate) fn remove(&mut self, live: &Arc<Live>) -> bool {
        match self.live.entry(live.job) {
            Entry::Occupied(seat) if Arc::ptr_eq(seat.get(), live) => {
                seat.remove().acknowledged.load(Ordering::Relaxed)
            }
            _ => false,
        }
    }

    /// Lets no new job in from now on, and returns the jobs that are in the table.
    pub(crate) fn close(&mut self) -> Vec<Arc<Live>> {
        self.closed = true;
        self.live.values().cloned().collect()
    }
}

impl Settled {
    fn insert(&mut self, job: JobId) {
        if self.ids.insert(job) {
            self.order.push_back(job);
        }
        if self.order.len() > MAX_SETTLED
            && let Some(oldest) = self.order.pop_front()
        {
            self.ids.remove(&oldest);
        }
    }

    fn remove(&mut self, job: JobId) {
        if self.ids.remove(&job) {
            self.order.retain(|id| *id != job);
        }
    }
}

/// The most settled ids that are remembered; the oldest are forgotten first.
const MAX_SETTLED: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settled_ids_are_bounded_and_the_oldest_goes_first() {
        let mut settled = Settled::default();
        let ids: Vec<JobId> = (0..=MAX_SETTLED as u128).map(|n| JobId::from_bytes(n.to_be_bytes())).collect();
        ids.iter().for_each(|id| settled.insert(*id));
        settled.insert(ids[1]);
        assert_eq!(settled.order.len(), MAX_SETTLED);
        assert!(!settled.ids.contains(&ids[0]) && settled.ids.contains(&ids[1]));
    }
}
