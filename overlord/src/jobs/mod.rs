//! Jobs: accepted once, brought to an outcome on every minion, and kept.
//!
//! [`Jobs`] is what the daemon knows of this room. What is done with a job lies in a file for each verb, which adds to
//! the handle and goes through it, so these and this file name each other; the nouns (live jobs and their parts, ids,
//! batches, what is said and how parts ended) name neither.

mod absences;
mod accept;
mod ask;
mod batch;
mod cancellation;
mod deadlines;
mod document;
mod follower;
mod give_up;
mod ids;
mod live_job;
mod live_jobs;
mod live_parts;
mod part;
mod part_ends;
mod part_outcome;
mod stop;
mod turnstile;
mod update_buffer;

use std::sync::Arc;

use ledger::{Durability, JobRecord, LedgerError, OverlordLedger, Retention};
use machine::clock::now_ms;
use machine::failpoint::{Point, reach};
use tokio_util::sync::CancellationToken;
use wire::message::job::JobId;
use wire::message::operator::{Refusal, RefusalKind};
use wire::message::outcome::Report;
use wire::name::MinionName;

pub(crate) use self::accept::Again;
pub(crate) use self::document::{LIST_LIMIT, only};
pub(crate) use self::follower::{Follower, Heard};
use self::ids::JobIds;
use self::live_job::LiveJob;
use self::live_jobs::LiveJobs;
use self::part::{Delivery, PartRun};
use self::turnstile::Turnstiles;
use crate::audit::Audit;
use crate::config::Config;
use crate::config_in_force::ConfigInForce;
use crate::refusals::unavailable;
use crate::registry::Registry;
use crate::tasks::Tasks;

/// All jobs of an overlord. A cheap handle.
#[derive(Clone)]
pub(crate) struct Jobs(Arc<Inner>);

struct Inner {
    config: ConfigInForce,
    ledger: OverlordLedger,
    registry: Registry,
    audit: Arc<Audit>,
    live: LiveJobs,
    turnstiles: Turnstiles,
    ids: JobIds,
    tasks: Tasks,
}

/// What an earlier life of the daemon left unfinished.
pub(crate) struct Unfinished {
    /// The jobs that are not over, oldest first.
    jobs: Vec<JobId>,
    /// The parts that were given up, of which their minions have said nothing since.
    given_up: Vec<(MinionName, JobId)>,
}

impl Jobs {
    pub(crate) async fn new(
        config: ConfigInForce,
        ledger: OverlordLedger,
        registry: Registry,
        audit: Arc<Audit>,
        stop: CancellationToken,
    ) -> Result<Self, LedgerError> {
        let ids = JobIds::after(ledger.newest().await?);
        let (live, turnstiles, tasks) = (LiveJobs::default(), Turnstiles::default(), Tasks::new(stop));
        Ok(Self(Arc::new(Inner { config, ledger, registry, audit, live, turnstiles, ids, tasks })))
    }

    /// What an earlier life of the daemon left unfinished. To be asked before anybody is served.
    pub(crate) async fn unfinished(&self) -> Result<Unfinished, LedgerError> {
        Ok(Unfinished { jobs: self.ledger().live().await?, given_up: self.ledger().unheard().await? })
    }

    /// Goes on with what an earlier life of the daemon left unfinished. Returns how many jobs that are.
    ///
    /// There may be a hundred thousand: peers are served meanwhile, and whoever asks for one of these jobs waits for it.
    pub(crate) async fn resume(&self, unfinished: Unfinished) -> Result<usize, LedgerError> {
        let Unfinished { jobs, given_up } = unfinished;
        let count = jobs.len();
        if count > 0 {
            reach(Point::ResumeBefore);
        }
        // Nobody waits for jobs that do not come, where this fails.
        let _known = self.0.live.known_at_last();
        for id in jobs {
            let Some(record) = self.ledger().job(id).await? else { continue };
            let job = self.0.live.enter(record, self.ledger().parts(id).await?);
            for minion in self.ledger().cancelled(id).await? {
                job.stop(&minion).want();
            }
            // Nobody knows any more whether the part was sent before the daemon ended.
            for minion in job.open_parts() {
                self.spawn_part(job.clone(), minion, Delivery::MaybeSent);
            }
            // Reads of the ledger wait for nothing, and others want this thread too.
            tokio::task::yield_now().await;
        }
        self.resume_given_up(given_up).await?;
        if count > 0 {
            reach(Point::ResumeAfter);
        }
        Ok(count)
    }

    /// Stops working on jobs. Those that are not over go on in the daemon's next life.
    pub(crate) async fn stop(&self) {
        self.0.tasks.stop().await;
    }

    /// A live job; `None` where it is over or unknown.
    async fn live(&self, id: JobId) -> Result<Option<Arc<LiveJob>>, LedgerError> {
        if let Some(job) = self.0.live.find(id) {
            return Ok(Some(job));
        }
        if self.is_over(id).await? {
            return Ok(None);
        }
        // It may be one that an earlier life of the daemon left unfinished, and is not read yet.
        self.0.live.until_all_are_known().await;
        Ok(self.0.live.find(id))
    }

    /// Whether the ledger knows that a job is over, or knows of none.
    async fn is_over(&self, id: JobId) -> Result<bool, LedgerError> {
        Ok(self.ledger().state(id).await?.is_none_or(|(state, _)| state.is_over()))
    }

    /// A live job, or the refusal of what can be done with live ones alone.
    async fn still_live(&self, id: JobId) -> Result<Arc<LiveJob>, Refusal> {
        self.live(id).await.map_err(unavailable)?.ok_or_else(|| is_over(id))
    }

    /// The minions that a live job went to, by name; refused where it is over.
    pub(crate) async fn targets(&self, id: JobId) -> Result<Vec<MinionName>, Refusal> {
        Ok(self.still_live(id).await?.record.targets.clone())
    }

    /// What was asked for by a job, live or not; `None` where that record is lost.
    pub(crate) async fn record(&self, id: JobId) -> Result<Option<JobRecord>, Refusal> {
        match self.0.live.find(id) {
            Some(live) => Ok(Some(live.record.clone())),
            None => self.ledger().job(id).await.map_err(unavailable),
        }
    }

    /// Follows a live job from now on.
    pub(crate) async fn attach(&self, id: JobId) -> Result<Option<Follower>, Refusal> {
        Ok(self.live(id).await.map_err(unavailable)?.map(Follower::of))
    }

    /// How many jobs are not over.
    pub(crate) fn live_count(&self) -> usize {
        self.0.live.count()
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
            let is_over = self.is_over(*id).await? || self.ledger().outcome(*id, minion).await?.is_some();
            if is_over && !self.ledger().is_unheard(*id, minion).await? {
                settled.push(*id);
            }
        }
        Ok(settled)
    }

    /// How the part of a minion ended, by the ledger; `None` where that cannot be read.
    pub(crate) async fn outcome(&self, id: JobId, minion: &MinionName) -> Option<Report> {
        self.ledger().outcome(id, minion).await.ok().flatten()
    }

    /// Forgets the jobs that ended longer ago than this. Returns how many.
    pub(crate) async fn purge(&self, keep_ms: u64) -> Result<usize, Refusal> {
        let retention = Retention { keep_ms: Some(keep_ms), bytes: None };
        self.ledger().purge(retention, now_ms()).await.map_err(unavailable)
    }

    fn spawn_part(&self, job: Arc<LiveJob>, minion: MinionName, delivery: Delivery) {
        let jobs = self.clone();
        // Followers of the job learn of its end; where the daemon stops before that, its next life goes on with
        // the part.
        self.0.tasks.spawn(async move { PartRun::new(&jobs, &job, &minion).run(delivery).await });
    }

    /// Forgets a job that is over; the ledger has it.
    fn over(&self, job: &LiveJob) {
        self.0.audit.outcome(job.record.id, &job.outcomes());
        self.0.live.leave(job.record.id);
    }

    fn audit(&self) -> &Audit {
        &self.0.audit
    }

    fn ledger(&self) -> &OverlordLedger {
        &self.0.ledger
    }

    fn registry(&self) -> &Registry {
        &self.0.registry
    }

    fn turnstiles(&self) -> &Turnstiles {
        &self.0.turnstiles
    }

    fn config(&self) -> Arc<Config> {
        self.0.config.current()
    }

    /// Sends a job on its way.
    fn dispatch(&self, job: &Arc<LiveJob>) {
        for minion in &job.record.targets {
            self.spawn_part(job.clone(), minion.clone(), Delivery::NotSent);
        }
    }
}

fn is_over(id: JobId) -> Refusal {
    let message = format!("job {id} is over already: see `overlord job show {id}`");
    Refusal::new(RefusalKind::BadRequest, message)
}

/// A job that was promised to survive a power cut is written through to the disk, others as far as the system.
fn durability(durable: bool) -> Durability {
    if durable { Durability::Synced } else { Durability::Written }
}
