//! The jobs of this minion: accepted once, run once, followed by as many streams as want to.
//!
//! Every job that has not ended is in the table, from before the ledger hears of it until the ledger has its
//! outcome. So a request for a job finds it live or recorded, and never neither.
//!
//! Here is who may start, when it starts, who hears of it and what is recorded. The guest itself is run by
//! [`crate::sandbox`], and the streams are opened and read by [`crate::link`].
//!
//! This file and two others name each other: a `task` works on the table and the queue that are made here, and lives on
//! when the request that began it is answered; a `stream` takes a follower of a job from here, and gives the
//! acknowledgement of its outcome back.

mod announcer;
mod events;
mod feed;
mod live;
mod permission;
mod queue;
mod stream;
mod task;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use ledger::{Durability, LedgerError, MinionLedger};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use machine::failpoint::{Point, reach};
use machine::lock;
use wire::message::call::Start;
use wire::message::job::JobId;
use wire::message::link::{Cancelled, Carried};
use wire::message::outcome::FailureKind;

use crate::access::AccessInForce;
use crate::audit::Audit;
use crate::jobs::announcer::Announcer;
use crate::jobs::feed::Feed;
pub(crate) use crate::jobs::feed::Follower;
use crate::jobs::live::{Seat, Table};
pub(crate) use crate::jobs::queue::Load;
pub(crate) use crate::jobs::queue::Queue;
pub(crate) use crate::jobs::stream::report;
use crate::jobs::task::{NO_TASK, Task, ending, never_ran};
use crate::mandates::Mandates;
use crate::membership::Member;
use crate::modules::Modules;

/// All jobs of a minion. A cheap handle: clones share the jobs.
#[derive(Clone)]
pub(crate) struct Jobs(Arc<Inner>);

/// The parts of the minion that jobs need.
pub(crate) struct Parts {
    /// Keeps every job.
    pub(crate) ledger: MinionLedger,
    /// The modules, which jobs run.
    pub(crate) modules: Modules,
    /// The access list: who may call what.
    pub(crate) access: AccessInForce,
    /// Whether calls are signed.
    pub(crate) mandates: Mandates,
    /// The audit log, which is told of every call.
    pub(crate) audit: Arc<Audit>,
    /// The runtime on which jobs and their guests run, so that they never delay the link.
    pub(crate) guests: Handle,
    /// The places in which jobs run.
    pub(crate) queue: Queue,
    /// Which minion it is.
    pub(crate) member: watch::Receiver<Member>,
}

struct Inner {
    ledger: MinionLedger,
    modules: Modules,
    access: AccessInForce,
    mandates: Mandates,
    audit: Arc<Audit>,
    queue: Queue,
    table: Mutex<Table>,
    /// The runtime on which jobs and their guests run, so that they never delay the link.
    guests: Handle,
    member: watch::Receiver<Member>,
    announcer: Arc<Announcer>,
    /// Owns the tasks of all jobs.
    tasks: TaskTracker,
    stopping: CancellationToken,
}

/// The error for a request that comes while the minion stops. It says nothing about the job, for which the
/// overlord asks again later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the minion is stopping")]
pub(crate) struct Stopping;

/// Why a job cannot be followed now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FollowError {
    /// The ledger cannot be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The minion is stopping.
    #[error(transparent)]
    Stopping(#[from] Stopping),
}

impl Jobs {
    /// A minion's jobs, of which there are none yet.
    pub(crate) fn new(parts: Parts) -> Self {
        Self(Arc::new(Inner {
            ledger: parts.ledger,
            modules: parts.modules,
            access: parts.access,
            mandates: parts.mandates,
            audit: parts.audit,
            queue: parts.queue,
            table: Mutex::default(),
            guests: parts.guests,
            member: parts.member,
            announcer: Arc::default(),
            tasks: TaskTracker::new(),
            stopping: CancellationToken::new(),
        }))
    }

    /// Starts a job unless it is known, and follows it either way. `mandate` is what its operator has signed.
    ///
    /// # Errors
    /// [`Stopping`] where the minion stops.
    pub(crate) fn start(&self, start: Start, mandate: Carried) -> Result<Follower, Stopping> {
        // The follower is made before the task, which may be quick, and from the feed, so that it misses nothing.
        match self.0.table().seat(start.job) {
            Seat::Fresh(live) => {
                let follower = live.feed.follow();
                // The task outlives the stream that asked for it. `stop` waits for it; where it breaks, its drop
                // guard ends its feed, so that no follower waits for ever. It runs where its guest does: to pass it from
                // one thread to another and back would take longer than a short guest.
                let task = Task::new(self.0.clone(), live, (start, mandate));
                self.0.tasks.spawn_on(task.run(), &self.0.guests);
                Ok(follower)
            }
            Seat::Taken(live) => Ok(live.feed.follow()),
            Seat::Settled => Ok(Feed::of_unknown().follow()),
            Seat::Closed => Err(Stopping),
        }
    }

    /// Follows a job that is live or recorded. The follower of any other job is told that it is unknown.
    ///
    /// # Errors
    /// [`FollowError`] where the ledger cannot be read, or the minion stops.
    pub(crate) async fn follow(&self, job: JobId) -> Result<Follower, FollowError> {
        let live = self.0.table().live(job);
        match live {
            Some(live) => Ok(live.feed.follow()),
            None => self.recorded(job).await,
        }
    }

    /// Like [`Jobs::follow`]; a job that is neither live nor recorded never starts here from now on.
    ///
    /// # Errors
    /// As [`Jobs::follow`].
    pub(crate) async fn settle(&self, job: JobId) -> Result<Follower, FollowError> {
        let live = self.0.table().live_or_settle(job);
        match live {
            Some(live) => Ok(live.feed.follow()),
            None => self.recorded(job).await,
        }
    }

    /// Asks a job to stop. Its end comes to its followers. A job that is neither live nor recorded never starts
    /// here from now on.
    ///
    /// # Errors
    /// Where the ledger cannot be read.
    pub(crate) async fn cancel(&self, job: JobId) -> Result<Cancelled, LedgerError> {
        // The table is asked first, so that the start of a job that is on record is never answered as unknown.
        let live = self.0.table().live(job);
        let is_recorded = live.is_none() && self.0.ledger.job(&job)?.is_some();
        if is_recorded {
            return Ok(Cancelled::AlreadyOver);
        }
        let live = self.0.table().live_or_settle(job);
        if let Some(live) = live {
            live.cancel.cancel();
            return Ok(Cancelled::Asked);
        }
        // The job may have begun and ended since the table was asked.
        if self.0.ledger.job(&job)?.is_some() {
            self.0.table().unsettle(job);
            return Ok(Cancelled::AlreadyOver);
        }
        Ok(Cancelled::Unknown)
    }

    /// Takes note that the overlord has the outcome of this job on disk.
    pub(crate) async fn acknowledged(&self, job: JobId) {
        // A job whose outcome is not in the ledger yet acknowledges itself once it is.
        let live = self.0.table().acknowledge(job);
        if !live {
            self.0.acknowledge_recorded(job).await;
        }
    }

    /// How many jobs run and how many wait.
    pub(crate) fn load(&self) -> Load {
        self.0.queue.load()
    }

    /// Lets no new job start, kills those that run, and waits until each has its end in the ledger.
    pub(crate) async fn stop(&self) {
        let live = self.0.table().close();
        self.0.stopping.cancel();
        for live in live {
            live.interrupt();
        }
        self.0.tasks.close();
        if tokio::time::timeout(LAST_WORDS, self.0.tasks.wait()).await.is_err() {
            let left = self.0.tasks.len();
            tracing::warn!(
                jobs = left,
                "jobs did not end in time: they will be `interrupted` at the next start"
            );
        }
        self.0.record_receipts().await;
    }

    async fn recorded(&self, job: JobId) -> Result<Follower, FollowError> {
        let Some(record) = self.0.ledger.job(&job)? else { return Ok(Feed::of_unknown().follow()) };
        // The job was settled before it was known whether the ledger has it.
        self.0.table().unsettle(job);
        let (minion_job, start) = (record.minion_job, record.start.clone());
        match (ending(record), start) {
            (Some(report), _) => Ok(Feed::of_finished(minion_job, report).follow()),
            // Either the job has begun meanwhile, or nobody runs it: then this start ends it and runs nothing.
            (None, Some(start)) => Ok(self.start(start, None)?),
            (None, None) => {
                let report = never_ran(FailureKind::Interrupted, NO_TASK);
                self.0.ledger.finished(job, report.clone(), Durability::Written).await?;
                Ok(Feed::of_finished(minion_job, report).follow())
            }
        }
    }
}

impl Inner {
    fn table(&self) -> MutexGuard<'_, Table> {
        lock::hold(&self.table)
    }

    async fn acknowledge_recorded(&self, job: JobId) {
        reach(Point::AcknowledgedBefore);
        let tell = move |recorded: Result<_, LedgerError>| {
            // Nothing is lost where this fails: the job is kept for longer, and offered again on the next connection.
            if let Err(error) = recorded {
                tracing::warn!(%job, %error, "the receipt for a job is not recorded");
            }
            reach(Point::AcknowledgedAfter);
        };
        self.ledger.acknowledged_soon(job, tell).await;
    }

    /// Waits until all receipts that came are in the ledger.
    async fn record_receipts(&self) {
        if let Err(error) = self.ledger.receipts_recorded().await {
            tracing::warn!(%error, "the last receipts for jobs may not be recorded");
        }
    }
}

/// How long jobs have to end when the minion stops: the sandbox drops a guest that does not end by itself after
/// two seconds, and the rest of the time is for the ledger.
const LAST_WORDS: Duration = Duration::from_secs(8);
