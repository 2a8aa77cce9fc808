//! Jobs: accepted once, brought to an outcome on every minion, and kept.

mod absences;
mod accept;
mod board;
mod cancel;
mod chatter;
mod document;
mod ends;
mod follower;
mod give_up;
mod live;
mod part;
mod stop;
mod window;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ledger::{Durability, JobRecord, LedgerError, OverlordLedger, Retention};
use machine::clock::now_ms;
use machine::failpoint::{Point, reach};
use quinn::SendStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use wire::message::held::Held;
use wire::message::job::JobId;
use wire::message::link::JobUpdate;
use wire::message::operator::{Follow, OperatorReply, Refusal, RefusalKind, Update};
use wire::message::version::Version;
use wire::name::MinionName;
use wire::transport::frame::FrameError;

pub(crate) use self::absences::Away;
use self::chatter::Talk;
pub(crate) use self::document::LIST_LIMIT;
pub(crate) use self::follower::Follower;
use self::follower::Heard;
use self::live::LiveJob;
use self::part::Delivery;
use crate::config::Config;
use crate::outbox::Outbox;
use crate::registry::Registry;

/// All jobs of an overlord. A cheap handle.
#[derive(Clone)]
pub(crate) struct Jobs(Arc<Inner>);

struct Inner {
    config: Config,
    ledger: OverlordLedger,
    registry: Registry,
    live: Mutex<HashMap<JobId, Arc<LiveJob>>>,
    /// What is kept of what parts say, all jobs together.
    talk: Talk,
    /// The last id that was given out: the next one sorts after it, even where the clock was set back.
    last_id: Mutex<Option<JobId>>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Jobs {
    pub(crate) async fn new(
        config: Config,
        ledger: OverlordLedger,
        registry: Registry,
        stop: CancellationToken,
    ) -> Result<Self, LedgerError> {
        let last_id = Mutex::new(ledger.newest().await?);
        let (live, tasks) = (Mutex::default(), TaskTracker::new());
        let talk = Talk::default();
        Ok(Self(Arc::new(Inner { config, ledger, registry, live, talk, last_id, tasks, stop })))
    }

    /// Goes on with everything that an earlier life of the daemon left unfinished. Returns how many.
    pub(crate) async fn resume(&self) -> Result<usize, LedgerError> {
        let unfinished = self.ledger().live().await?;
        let count = unfinished.len();
        if count > 0 {
            reach(Point::ResumeBefore);
        }
        for id in unfinished {
            let Some(record) = self.ledger().job(id).await? else { continue };
            let job = LiveJob::new(record, self.ledger().parts(id).await?, self.0.talk.clone());
            for minion in self.ledger().cancelled(id).await? {
                job.stop(&minion).want();
            }
            self.lock().insert(id, job.clone());
            // Whether it was sent before the end of that life, nobody knows any more.
            for minion in job.open_parts() {
                self.spawn_part(job.clone(), minion, Delivery::MaybeSent);
            }
        }
        self.resume_given_up().await?;
        if count > 0 {
            reach(Point::ResumeAfter);
        }
        Ok(count)
    }

    /// Stops working on jobs; what is not over goes on in the daemon's next life.
    pub(crate) async fn stop(&self) {
        self.0.stop.cancel();
        self.0.tasks.close();
        self.0.tasks.wait().await;
    }

    /// A live job.
    fn live(&self, id: JobId) -> Option<Arc<LiveJob>> {
        self.lock().get(&id).cloned()
    }

    /// The minions that a live job went to, by name; refused where it is over.
    pub(crate) fn targets(&self, id: JobId) -> Result<Vec<MinionName>, Refusal> {
        let job = self.live(id).ok_or_else(|| is_over(id))?;
        Ok(job.record.targets.clone())
    }

    /// Follows a live job from now on.
    pub(crate) fn attach(&self, id: JobId) -> Option<Follower> {
        self.live(id).map(|job| job.follow())
    }

    /// How many jobs are not over.
    pub(crate) fn live_count(&self) -> usize {
        self.lock().len()
    }

    /// Those of a minion's unacknowledged jobs that it need not keep for us any longer.
    pub(crate) async fn settled(
        &self,
        minion: &MinionName,
        unacknowledged: &[JobId],
    ) -> Result<Vec<JobId>, LedgerError> {
        let mut settled = Vec::new();
        for id in unacknowledged {
            // One that is not over is asked for by its part, which takes the outcome and acknowledges it; and so is
            // one that was given up, until its minion has said what became of it.
            let is_over = self.live(*id).is_none() || self.ledger().outcome(*id, minion).await?.is_some();
            if is_over && !self.ledger().is_unheard(*id, minion).await? {
                settled.push(*id);
            }
        }
        Ok(settled)
    }

    /// Sends an operator what it wants to hear of a job, and the job's document last.
    pub(crate) async fn follow(
        &self,
        id: JobId,
        live: Option<Follower>,
        follow: Follow,
        send: &mut SendStream,
        outbox: &Outbox,
    ) -> Result<(), FrameError> {
        if let Some(follower) = live {
            self.relay(follower, follow, send, outbox).await?;
        }
        let making = outbox.making().await;
        let (reply, held) = match self.document(id).await {
            Ok(document) => {
                let held =
                    document.parts.iter().filter_map(|part| part.report.as_ref()).map(Held::held).sum();
                (OperatorReply::Job(Box::new(document)), held)
            }
            Err(refusal) => (OperatorReply::Refused(refusal), 0),
        };
        outbox.tell(send, reply, making.of(held)).await
    }

    async fn relay(
        &self,
        mut follower: Follower,
        follow: Follow,
        send: &mut SendStream,
        outbox: &Outbox,
    ) -> Result<(), FrameError> {
        let job = follower.job().clone();
        loop {
            let (minion, report) = match follower.next().await {
                Heard::Over => return Ok(()),
                Heard::Chatter(update) if follow == Follow::Everything => {
                    let reply = OperatorReply::Update(Box::new(Update::clone(&update)));
                    outbox.say(send, reply).await?;
                    continue;
                }
                Heard::Chatter(_) => continue,
                Heard::OutOfTouch(minions) => {
                    if outbox.version() >= Version::Three {
                        outbox.say(send, OperatorReply::OutOfTouch(minions)).await?;
                    }
                    continue;
                }
                Heard::Ended(minion, report) => (minion, report),
            };
            let making = outbox.making().await;
            let recorded = match report {
                Some(report) => Some(Arc::unwrap_or_clone(report)),
                // It came too long ago to be at hand.
                None => self.ledger().outcome(job.record.id, &minion).await.ok().flatten(),
            };
            // Where there is none, the document at the end says what is wrong with it.
            let Some(report) = recorded else { continue };
            let (minion_job, held) = (job.minion_job(&minion), report.held());
            let update = JobUpdate::Finished { minion_job, report: Box::new(report) };
            let reply = OperatorReply::Update(Box::new(Update { minion, update }));
            outbox.tell(send, reply, making.of(held)).await?;
        }
    }

    /// Forgets the jobs that ended longer ago than this. Returns how many.
    pub(crate) async fn purge(&self, keep_ms: u64) -> Result<usize, Refusal> {
        let retention = Retention { keep_ms: Some(keep_ms), bytes: None };
        self.ledger().purge(retention, now_ms()).await.map_err(unavailable)
    }

    fn spawn_part(&self, job: Arc<LiveJob>, minion: MinionName, delivery: Delivery) {
        let jobs = self.clone();
        // Whoever follows the job learns of its end; a stop leaves it to the daemon's next life.
        self.0.tasks.spawn(async move {
            let stop = jobs.0.stop.clone();
            stop.run_until_cancelled(jobs.run_part(&job, &minion, delivery)).await;
        });
    }

    /// Forgets a job that is over; the ledger has it.
    fn over(&self, id: JobId) {
        self.lock().remove(&id);
    }

    /// An id for a new job.
    fn next_id(&self) -> JobId {
        let mut last = self.0.last_id.lock().unwrap_or_else(PoisonError::into_inner);
        let next = last.map_or_else(JobId::new, JobId::after);
        *last = Some(next);
        next
    }

    fn ledger(&self) -> &OverlordLedger {
        &self.0.ledger
    }

    fn registry(&self) -> &Registry {
        &self.0.registry
    }

    fn config(&self) -> &Config {
        &self.0.config
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<JobId, Arc<LiveJob>>> {
        // No code under this lock can panic halfway through a change.
        self.0.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a job live. Before the ledger shows it, so that whoever finds it there can follow it.
    fn enter(&self, record: JobRecord) -> Arc<LiveJob> {
        let job = LiveJob::new(record, Vec::new(), self.0.talk.clone());
        self.lock().insert(job.record.id, job.clone());
        job
    }

    /// Sends a job on its way.
    fn dispatch(&self, job: &Arc<LiveJob>) {
        for minion in &job.record.targets {
            self.spawn_part(job.clone(), minion.clone(), Delivery::NotSent);
        }
    }
}

fn unavailable(error: LedgerError) -> Refusal {
    Refusal::new(RefusalKind::Unavailable, format!("the overlord's ledger: {error}"))
}

fn is_over(id: JobId) -> Refusal {
    let message = format!("job {id} is over already: see `overlord job show {id}`");
    Refusal::new(RefusalKind::BadRequest, message)
}

/// A job that was promised to survive a power cut is written through to the disk, others as far as the system.
fn durability(durable: bool) -> Durability {
    if durable { Durability::Synced } else { Durability::Written }
}
