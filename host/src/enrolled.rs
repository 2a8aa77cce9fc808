//! One enrolled minion: what is its own and no other's, whoever else runs in the same process.

use std::sync::Arc;
use std::time::Duration;

use ledger::{LedgerError, MinionLedger, Retention};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use machine::clock::now_ms;
use machine::failpoint::{Point, reach};
use wire::message::outcome::{FailureKind, Outcome};

use crate::access::AccessInForce;
use crate::audit::Audit;
use crate::dispatch::Dispatch;
use crate::folder::Folder;
use crate::jobs::{self, Jobs};
use crate::link::{Link, LinkState};
use crate::mandates::Mandates;
use crate::membership::{Membership, instance};
use crate::renewal::Wanted;
use crate::shared::Shared;
use crate::start_error::StartError;
use crate::status::Vitals;

/// One enrolled minion: its identity and link, its jobs and its ledger.
pub(crate) struct Enrolled {
    pub(crate) vitals: Vitals,
    streams: TaskTracker,
    background: TaskTracker,
    stop: CancellationToken,
}

/// What a minion brings that is its own.
pub(crate) struct Own {
    /// Who it is, and where its overlord listens.
    pub(crate) membership: Membership,
    /// Its jobs, and what its modules keep.
    pub(crate) ledger: MinionLedger,
    /// The audit log of what it does.
    pub(crate) audit: Arc<Audit>,
}

impl Enrolled {
    /// Starts the minion of this folder. It is ready for jobs when this returns, and connects to its overlord by itself.
    ///
    /// # Errors
    /// [`StartError`], of its ledger and its identity.
    pub(crate) async fn start(folder: &Folder, own: Own, shared: &Shared) -> Result<Self, StartError> {
        let Own { membership, ledger, audit } = own;
        interrupt_unfinished(&ledger, &audit).await?;
        let instance = instance(folder, &ledger).await?;
        let (joined, member) = watch::channel(membership.member.clone());
        let mandates = Mandates {
            access: shared.access.clone(),
            ledger: ledger.clone(),
            member: member.clone(),
            facts: shared.facts.clone(),
        };
        let jobs = Jobs::new(jobs::Parts {
            ledger: ledger.clone(),
            modules: shared.modules.clone(),
            access: shared.access.clone(),
            mandates: mandates.clone(),
            audit: audit.clone(),
            guests: shared.guests.handle().clone(),
            queue: shared.queue.clone(),
            member: member.clone(),
        });
        let dispatch = Dispatch {
            jobs: jobs.clone(),
            modules: shared.modules.clone(),
            access: shared.access.clone(),
            mandates,
            audit: audit.clone(),
            sharing: shared.sharing,
            wanted: Wanted::default(),
        };
        let (stop, background, streams) = (CancellationToken::new(), TaskTracker::new(), TaskTracker::new());
        let (state, link) = watch::channel(LinkState::Unlinked("it was not tried yet".into()));
        let (modules, started_at) = (shared.modules.clone(), now_ms());
        let vitals = Vitals { member, started_at, modules, jobs, ledger, link };
        background.spawn(purge(vitals.ledger.clone(), shared.retention(), stop.clone()));
        background.spawn(forget_spent(vitals.ledger.clone(), shared.access.clone(), stop.clone()));
        // The link is the last: from then on there are jobs.
        let link = Link {
            dispatch,
            membership,
            joined,
            dialler: shared.dialler.clone(),
            instance,
            audit,
            jobs: vitals.jobs.clone(),
            modules: vitals.modules.clone(),
            facts: shared.facts.clone(),
            ledger: vitals.ledger.clone(),
            streams: streams.clone(),
            stop: stop.clone(),
            state,
            heartbeat: watch::Sender::default(),
        };
        background.spawn(link.run());
        Ok(Self { vitals, streams, background, stop })
    }

    /// Stops in good order: when this returns, the ledger has the end of every job that ran. Takes some seconds
    /// where guests do not end by themselves.
    pub(crate) async fn stop(self) {
        // 1. No new jobs; those that run are killed and recorded as interrupted.
        self.vitals.jobs.stop().await;
        // 2. The overlord's streams that follow a job still hear of its end, where it listens.
        self.streams.close();
        let _ = tokio::time::timeout(LAST_NEWS, self.streams.wait()).await;
        // 3. The link says goodbye, and nothing runs in the background any more.
        self.stop.cancel();
        self.background.close();
        self.background.wait().await;
        // 4. What was written is on disk.
        self.vitals.ledger.close().await;
    }
}

/// Gives every job that a stopped minion left behind its end.
async fn interrupt_unfinished(ledger: &MinionLedger, audit: &Audit) -> Result<(), StartError> {
    reach(Point::InterruptBefore);
    let jobs = match ledger.interrupt_unfinished(now_ms()).await {
        Ok(jobs) => jobs,
        // These jobs get their end when the overlord asks for them.
        Err(error @ LedgerError::DiskFull { .. }) => {
            tracing::error!(%error, "jobs that were interrupted cannot be recorded");
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    };
    if !jobs.is_empty() {
        reach(Point::InterruptAfter);
        tracing::warn!(jobs = jobs.len(), "jobs were interrupted when the minion stopped");
    }
    for job in jobs {
        audit.outcome(job, &Outcome::failed(FailureKind::Interrupted, ""));
    }
    Ok(())
}

/// Removes finished jobs that need not be kept any longer, from time to time.
async fn purge(ledger: MinionLedger, keep: Retention, stop: CancellationToken) {
    loop {
        match ledger.purge(keep, now_ms()).await {
            Ok(0) => {}
            Ok(jobs) => tracing::info!(jobs, "finished jobs were removed from the ledger"),
            Err(error) => tracing::warn!(%error, "finished jobs are kept for longer than they should be"),
        }
        if stop.run_until_cancelled(tokio::time::sleep(keep.interval())).await.is_none() {
            return;
        }
    }
}

/// Forgets signed calls that are over for long, from time to time.
async fn forget_spent(ledger: MinionLedger, access: AccessInForce, stop: CancellationToken) {
    loop {
        let window = u64::try_from(access.current().window().as_millis()).unwrap_or(u64::MAX);
        let before = now_ms().saturating_sub(window).saturating_sub(SPENT_KEPT_MS);
        if let Err(error) = ledger.forget_spent(before).await {
            tracing::warn!(%error, "signed calls that are over are remembered for longer than they should be");
        }
        if stop.run_until_cancelled(tokio::time::sleep(SPENT_LOOKED_AT)).await.is_none() {
            return;
        }
    }
}

/// How long a signed call is remembered after it is over: longer than a clock is likely to be wrong.
const SPENT_KEPT_MS: u64 = 24 * 3_600_000;
const SPENT_LOOKED_AT: Duration = Duration::from_secs(3600);
/// How long the overlord has to take the last outcomes.
const LAST_NEWS: Duration = Duration::from_secs(2);
