//! A job that has a task here, and the table of all of them.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use wire::message::job::JobId;

use crate::jobs::feed::Feed;
use crate::sandbox::CancelSignal;

/// A job between its acceptance and the moment in which the ledger has its outcome.
pub(crate) struct Live {
    /// The overlord's id of it.
    pub(crate) job: JobId,
    /// What is known of it.
    pub(crate) feed: Arc<Feed>,
    /// Tells it to stop.
    pub(crate) cancel: CancelSignal,
    /// Whether the overlord has the outcome already, which the ledger is to be told once it has it too.
    acknowledged: AtomicBool,
    /// Whether it is told to stop because the minion stops.
    interrupted: AtomicBool,
}

/// All live jobs, and the ids that must never become one.
#[derive(Default)]
pub(crate) struct Table {
    live: HashMap<JobId, Arc<Live>>,
    settled: Settled,
    closed: bool,
}

/// What the table says to a job that is to start.
pub(crate) enum Seat {
    /// It is new here, and now in the table.
    Fresh(Arc<Live>),
    /// It is here already.
    Taken(Arc<Live>),
    /// It was settled that it never starts.
    Settled,
    /// The minion is stopping.
    Closed,
}

/// The last ids of which the overlord was told that they are unknown.
///
/// A start of such a job can only still come over an older connection to this same process, so memory is
/// enough, and so is a bound.
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

    /// Ends the job because the minion ends.
    pub(crate) fn interrupt(&self) {
        // Whoever was asked to stop before has that for a reason.
        self.interrupted.store(!self.cancel.is_cancelled(), Ordering::Relaxed);
        self.cancel.kill();
    }

    /// Whether the end of the minion is why it was told to stop.
    pub(crate) fn is_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }
}

impl Table {
    /// Finds a seat for a job that is to start.
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

    /// The live job of that id.
    pub(crate) fn live(&self, job: JobId) -> Option<Arc<Live>> {
        self.live.get(&job).cloned()
    }

    /// The live job of that id; where there is none, it is settled that none will ever be.
    pub(crate) fn live_or_settle(&mut self, job: JobId) -> Option<Arc<Live>> {
        let live = self.live(job);
        if live.is_none() {
            self.settled.insert(job);
        }
        live
    }

    /// Takes back that a job never starts: it has.
    pub(crate) fn unsettle(&mut self, job: JobId) {
        self.settled.remove(job);
    }

    /// Remembers that the overlord has the outcome of a live job. Returns whether it is one.
    pub(crate) fn acknowledge(&self, job: JobId) -> bool {
        let live = self.live.get(&job);
        live.inspect(|live| live.acknowledged.store(true, Ordering::Relaxed)).is_some()
    }

    /// Takes this job out, and not a later one of the same id. Returns whether the overlord has its outcome
    /// already; only the first to take it out is told so.
    pub(crate) fn remove(&mut self, live: &Arc<Live>) -> bool {
        match self.live.entry(live.job) {
            Entry::Occupied(seat) if Arc::ptr_eq(seat.get(), live) => {
                seat.remove().acknowledged.load(Ordering::Relaxed)
            }
            _ => false,
        }
    }

    /// Lets no new job in, and returns those that are here.
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

/// How many settled ids are remembered.
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
