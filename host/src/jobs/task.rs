//! The course of one job, from its acceptance to the moment in which the ledger has its outcome.

use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures::FutureExt as _;
use ledger::{Accepted, Durability, LedgerError, MinionJob};
use machine::backoff::Backoff;

use machine::clock::now_ms;
use machine::failpoint::{Point, reach};
use wire::message::call::Start;
use wire::message::job::{MinionJobId, MinionState, OutcomeKind};
use wire::message::link::{Carried, MAX_MESSAGE};
use wire::message::outcome::{FailureKind, Outcome, Report};
use wire::transport::frame;

use crate::jobs::Inner;
use crate::jobs::events::Events;
use crate::jobs::live::Live;
use crate::jobs::permission::Found;
use crate::jobs::queue::{RunPermit, Ticket};
use crate::sandbox::{Home, LoadedModule, Run, RunMode};

/// The task of a live job. It belongs to no connection: followers come and go.
pub(super) struct Task {
    pub(super) jobs: Arc<Inner>,
    live: Arc<Live>,
    pub(super) start: Start,
    /// What the operator has signed.
    pub(super) mandate: Carried,
}

/// How a job comes to its place.
enum Entry {
    /// It has the place, and is on record as running.
    Recorded(RunPermit),
    /// It enters the queue, and is recorded as running once it has its turn.
    Ticket(Ticket),
}

impl Task {
    pub(super) fn new(jobs: Arc<Inner>, live: Arc<Live>, (start, mandate): (Start, Carried)) -> Self {
        Self { jobs, live, start, mandate }
    }

    /// Accepts the job, runs it where it is new, and leaves its outcome in the ledger and the feed.
    ///
    /// One that is turned away leaves nothing in the ledger, which whoever signs nothing could fill.
    pub(super) async fn run(self) {
        let unrecorded = |report| self.live.feed.finished(None, Arc::new(report));
        let Some(found) = self.look().await else { return unrecorded(broken()) };
        if let Some(report) = self.turned_away(&found).await {
            return unrecorded(report);
        }
        let ticket = match self.admit(&found) {
            Ok(ticket) => ticket,
            Err(report) => return unrecorded(*report),
        };
        reach(Point::StartBefore);
        let (entry, accepted) = self.accept(&found, ticket).await;
        reach(Point::StartAfter);
        let minion_job = match accepted {
            Ok(Accepted::New(minion_job)) => minion_job,
            Ok(Accepted::Known(record)) => return self.answer_known(*record).await,
            Err(error) => {
                tracing::error!(job = %self.live.job, %error, "a job is not started");
                let report = never_ran(FailureKind::NotRecorded, not_recorded(&error));
                return self.live.feed.finished(None, Arc::new(report));
            }
        };
        // A panic in our own code ends this job and no other.
        let carried_out = std::panic::AssertUnwindSafe(self.carry_out(minion_job, found, entry));
        let report = carried_out.catch_unwind().await;
        self.conclude(minion_job, report.unwrap_or_else(|_| broken())).await;
    }

    /// A ticket for the queue; `None` where the call needs none, since it has no module to run or was accepted before. What
    /// a call gets for which there is no room is not recorded: it has not begun, and may come again.
    fn admit(&self, found: &Found) -> Result<Option<Ticket>, Box<Report>> {
        let Ok(module) = &found.module else { return Ok(None) };
        let busy = match self.jobs.queue.admit(&self.start.method.module, module.limits().jobs) {
            Ok(ticket) => return Ok(Some(ticket)),
            Err(busy) => busy,
        };
        match self.jobs.ledger.job(&self.start.job) {
            Ok(Some(_)) => Ok(None),
            Ok(None) => Err(Box::new(never_ran(FailureKind::Busy, busy.to_string()))),
            Err(error) => Err(Box::new(never_ran(FailureKind::NotRecorded, not_recorded(&error)))),
        }
    }

    /// Records the job: as running where nothing stands against that at this moment, and else as queued.
    ///
    /// One that is to be on disk first is recorded as queued: it would keep its place for as long as the disk takes.
    async fn accept(
        &self,
        found: &Found,
        ticket: Option<Ticket>,
    ) -> (Option<Entry>, Result<Accepted, LedgerError>) {
        let (ledger, start, durability) = (&self.jobs.ledger, self.start.clone(), self.durability());
        let at_once = durability == Durability::Written && self.is_allowed_at_once(found);
        let entry = ticket.map(|ticket| match at_once {
            true => ticket.enter_now().map_or_else(Entry::Ticket, Entry::Recorded),
            false => Entry::Ticket(ticket),
        });
        let accepted = match entry {
            Some(Entry::Recorded(_)) => ledger.accept_running(start, now_ms(), durability).await,
            Some(Entry::Ticket(_)) | None => ledger.accept(start, now_ms(), durability).await,
        };
        // A job that is not run here needs no place.
        (entry.filter(|_| matches!(accepted, Ok(Accepted::New(_)))), accepted)
    }

    /// Waits for a place unless it has one, then runs the guest.
    async fn carry_out(&self, minion_job: MinionJobId, found: Found, entry: Option<Entry>) -> Report {
        let (jobs, Found { access, module, checked }) = (&self.jobs, found);
        let before = checked.clone().unwrap_or_default();
        if let Err(report) = self.permit(&access, module.as_ref().ok(), checked).await {
            return *report;
        }
        let (module, entry) = match (module, entry) {
            (Ok(module), Some(entry)) => (module, entry),
            (Err(error), _) => return never_ran(error.kind(), error.to_string()),
            // The record of the job has gone since the minion looked for it.
            (Ok(_), None) => return never_ran(FailureKind::Interrupted, NO_TASK),
        };
        let is_recorded = matches!(entry, Entry::Recorded(_));
        let _place = match entry {
            Entry::Recorded(place) => place,
            Entry::Ticket(ticket) => match self.wait_for_place(minion_job, ticket).await {
                Some(place) => place,
                None => return self.stopped_in_line(),
            },
        };
        if self.live.cancel.is_cancelled() {
            return self.stopped_in_line();
        }
        if let Err(report) = self.still_permitted((&access, before), &module).await {
            return *report;
        }
        reach(Point::RunningBefore);
        if !is_recorded && let Err(error) = jobs.ledger.running(self.live.job, now_ms()).await {
            tracing::error!(job = %self.live.job, %error, "a job is not started");
            return never_ran(FailureKind::NotRecorded, not_recorded(&error));
        }
        reach(Point::RunningAfter);
        self.live.feed.runs(minion_job);
        jobs.announcer.announce_soon(&self.live.feed, &jobs.tasks);
        self.run_guest(module).await
    }

    /// Waits for a place to run in; `None` where the job is to stop before there is one.
    async fn wait_for_place(&self, minion_job: MinionJobId, ticket: Ticket) -> Option<RunPermit> {
        let mut entering = pin!(ticket.enter());
        if let Poll::Ready(place) = futures::poll!(entering.as_mut()) {
            return Some(place);
        }
        // Only a job that does wait is told to be queued: most never do, and have one step less in their history.
        self.live.feed.state(minion_job, MinionState::Queued);
        tokio::select! {
            biased;
            () = self.live.cancel.cancelled() => None,
            place = entering => Some(place),
        }
    }

    /// Runs the guest, whose start is on record.
    async fn run_guest(&self, module: Arc<LoadedModule>) -> Report {
        let jobs = &self.jobs;
        let events = Arc::new(Events::new(&self.start, self.live.feed.clone(), jobs.audit.clone()));
        let (sandbox, run) = (jobs.modules.sandbox().clone(), self.guest_run(events.clone()));
        let guest = async move {
            reach(Point::GuestBefore);
            let report = sandbox.run(&module, run).await;
            reach(Point::GuestAfter);
            report
        };
        // A panic in the sandbox is told as such, and what the job has written by then stands.
        let report = std::panic::AssertUnwindSafe(guest).catch_unwind().await.unwrap_or_else(|_| {
            tracing::error!(job = %self.live.job, "a job broke the sandbox");
            broken()
        });
        events.close();
        self.count_trap(&report);
        fitting(self.honest(report))
    }

    /// Tells the modules that this version trapped, where it did.
    fn count_trap(&self, report: &Report) {
        if let (Outcome::Failed(failure), Some(module)) = (&report.outcome, &report.module)
            && failure.kind == FailureKind::Trapped
        {
            self.jobs.modules.trapped(&self.start.method.module, module.digest, &failure.message);
        }
    }

    /// Leaves the outcome in the ledger and tells the followers.
    ///
    /// Where the ledger cannot take it, followers are told all the same, and the write is tried again until it
    /// succeeds or the minion stops. A minion that starts again without the outcome says `interrupted`, and an
    /// overlord that has the outcome by then keeps it.
    async fn conclude(&self, minion_job: MinionJobId, report: Report) {
        self.jobs.audit.outcome(self.live.job, &report.outcome);
        const SHORTEST: Duration = Duration::from_millis(100);
        const LONGEST: Duration = Duration::from_millis(1500);
        let (report, mut backoff) = (Arc::new(report), Backoff::new(SHORTEST, LONGEST));
        let (job, durability) = (self.live.job, self.durability());
        reach(Point::EndBefore);
        while let Err(error) = self.jobs.ledger.finished(job, Report::clone(&report), durability).await {
            tracing::error!(%job, %error, "the outcome of a job is not recorded yet");
            self.live.feed.finished(Some(minion_job), report.clone());
            let pause: Duration = backoff.pause();
            if self.jobs.stopping.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
                return;
            }
        }
        reach(Point::EndAfter);
        self.live.feed.finished(Some(minion_job), report);
        self.release().await;
    }

    /// Answers the start of a job that the ledger has already.
    async fn answer_known(&self, record: MinionJob) {
        let minion_job = record.minion_job;
        match ending(record) {
            Some(report) => {
                self.live.feed.finished(Some(minion_job), Arc::new(report));
                self.release().await;
            }
            // Nobody runs the job, or it would have been in the table: its end was never recorded.
            None => self.conclude(minion_job, never_ran(FailureKind::Interrupted, NO_TASK)).await,
        }
    }

    fn guest_run(&self, events: Arc<Events>) -> Run {
        let start = &self.start;
        Run {
            job: start.job,
            method: start.method.clone(),
            operator: start.operator.clone(),
            arguments: start.arguments.clone(),
            timeout: start.timeout_ms.map(Duration::from_millis),
            mode: if start.dry_run { RunMode::Dry } else { RunMode::Real },
            events,
            cancel: self.live.cancel.clone(),
            home: Home {
                minion: Some(self.jobs.member.borrow().name.clone()),
                ledger: Some(self.jobs.ledger.clone()),
            },
        }
    }

    fn durability(&self) -> Durability {
        if self.start.durable { Durability::Synced } else { Durability::Written }
    }

    fn stopped_in_line(&self) -> Report {
        if self.live.is_interrupted() {
            never_ran(FailureKind::Interrupted, "the minion was stopped before the job had its turn")
        } else {
            never_ran(FailureKind::Cancelled, "cancelled before it had its turn")
        }
    }

    /// Says that the job was interrupted where the sandbox says that it was killed: only here is it known that the
    /// end of the minion was the reason.
    fn honest(&self, mut report: Report) -> Report {
        let ended_early = matches!(report.outcome.kind(), OutcomeKind::Killed | OutcomeKind::Cancelled);
        if ended_early && self.live.is_interrupted() {
            report.outcome = Outcome::failed(FailureKind::Interrupted, "the minion was stopped while it ran");
        }
        report
    }

    /// Takes the job out of the table, and tells the ledger where the overlord has acknowledged it meanwhile.
    async fn release(&self) {
        let acknowledged = self.jobs.table().remove(&self.live);
        if acknowledged {
            self.jobs.acknowledge_recorded(self.live.job).await;
        }
    }
}

impl Drop for Task {
    /// Ends the feed and takes the job out of the table, in whatever way the task ended: no follower waits for
    /// ever, and the table has no job without a task.
    fn drop(&mut self) {
        self.live.feed.abandon();
        self.jobs.table().remove(&self.live);
    }
}

/// How a recorded job ended; `None` where that is not on record.
pub(super) fn ending(record: MinionJob) -> Option<Report> {
    match (record.report, record.state) {
        (Some(report), _) => Some(report),
        (None, MinionState::Finished(kind)) => {
            let message =
                format!("the minion's record of how it ended is damaged: all it says is \"{kind}\"");
            Some(never_ran(FailureKind::Lost, message))
        }
        (None, MinionState::Queued | MinionState::Running) => None,
    }
}

pub(super) fn never_ran(kind: FailureKind, message: impl Into<String>) -> Report {
    Report::without_run(Outcome::failed(kind, message), now_ms())
}

/// Cuts what no overlord takes, and replaces an outcome that no link could carry, before anyone has seen it.
fn fitting(mut report: Report) -> Report {
    report.cut();
    let encoded = frame::encode(&report, MAX_REPORT).map(|bytes| bytes.len());
    // How much memory it takes is only worth looking at where it is large.
    let taken = encoded.and_then(|length| match length > MAX_REPORT / 64 {
        true => frame::encode(&report, MAX_REPORT).and_then(|bytes| frame::decode(&bytes[4..])),
        false => Ok(report.clone()),
    });
    if let Err(error) = taken {
        let message = format!("the result cannot be sent ({error}): return less, or in parts");
        report.outcome = Outcome::failed(FailureKind::Trapped, message);
        report.would.clear();
    }
    report
}

pub(super) fn broken() -> Report {
    never_ran(FailureKind::Interrupted, "the minion's own code failed while the job ran: its log says how")
}

pub(super) fn not_recorded(error: &dyn std::fmt::Display) -> String {
    format!("the minion cannot record the job, so it did not start it: {error}")
}

pub(super) const NO_TASK: &str = "the minion lost the job's end, and does not know how far it got";
/// The largest report, in bytes: a message has room for it and for what goes with it.
const MAX_REPORT: usize = MAX_MESSAGE - 64;
