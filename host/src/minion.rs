//! One minion: its parts, in the order in which they start and stop.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use audit_log::AuditError;
use ledger::{LedgerError, MinionLedger};
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use machine::clock::now_ms;
use machine::failpoint::{Point, reach};
use wire::identity::IdentityError;
use wire::message::outcome::{FailureKind, Outcome};
use wire::name::MinionName;

use crate::access::{Access, AccessInForce};
use crate::audit::Audit;
use crate::config::{Config, HostLimits, Retention};
use crate::containment::Containment;
use crate::control::{Control, Doors, Reload};
use crate::dispatch::Dispatch;
use crate::facts::{Gatherer, Labels};
use crate::folder::Folder;
use crate::highest_versions::{HighestVersions, HighestVersionsError};
use crate::jobs::{self, Jobs};
use crate::link::{Link, LinkState};
use crate::mandates::Mandates;
use crate::membership::{Membership, MembershipError, instance};
use crate::modules::admission::Admission;
use crate::modules::{Modules, ModulesConfig, ModulesError};
use crate::sandbox::{Facts, Sandbox, SandboxConfig, SandboxError};
use crate::status::{Status, Vitals};

/// A running minion, for programs that embed one as well as for `minion serve`.
pub struct Minion {
    vitals: Vitals,
    access: AccessInForce,
    audit: Arc<Audit>,
    /// The part of the configuration that takes effect at a start only.
    settings: Settings,
    /// The labels that the owner of the host gives it.
    labels: watch::Sender<Labels>,
    streams: TaskTracker,
    background: TaskTracker,
    stop: CancellationToken,
    guests: Runtime,
    /// The requests to read the configuration again, until [`Minion::reloads`] hands them out.
    reloads: Mutex<Option<mpsc::Receiver<Reload>>>,
}

/// The part of the configuration that takes effect at a start only.
#[derive(Clone, PartialEq)]
struct Settings {
    overlord: Option<String>,
    modules_dir: Option<PathBuf>,
    keep_versions: NonZeroUsize,
    control_groups: bool,
    limits: HostLimits,
    retention: Retention,
    audit: audit_log::Settings,
}

/// Why a minion cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// It is not known to whom it belongs.
    #[error(transparent)]
    Membership(#[from] MembershipError),
    /// What tells it from a copy of it cannot be made.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// Its job store cannot be opened.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The sandbox cannot be set up.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// The modules folder cannot be read.
    #[error(transparent)]
    Modules(#[from] ModulesError),
    /// The file with the highest version of each module cannot be read.
    #[error(transparent)]
    HighestVersions(#[from] HighestVersionsError),
    /// The minion's audit log cannot be opened.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// There are no threads for guests.
    #[error("cannot start the threads that guests run on: {0}")]
    Threads(std::io::Error),
}

impl Minion {
    /// Starts the minion of a folder. It is ready for jobs when this returns, and connects to its overlord by
    /// itself.
    ///
    /// # Errors
    /// [`StartError`]: [`StartError::Membership`] where no minion was enrolled in the folder, and
    /// [`StartError::Ledger`] also where another process serves it.
    pub async fn start(folder: &Folder, config: Config) -> Result<Self, StartError> {
        let settings = Settings::of(&config);
        let membership = Membership::read(folder, config.overlord.clone())?;

        // 1. The ledger, which also says that no other process serves this folder.
        let ledger = open_ledger(folder.ledger()).await?;
        let audit = Arc::new(Audit::open_as(&config.audit, &folder.audit())?);
        interrupt_unfinished(&ledger, &audit).await?;
        let instance = instance(folder, &ledger).await?;
        // 2. The sandbox and what runs in it, on threads of its own: no guest ever delays the link.
        let facts = Facts::default();
        Containment::use_control_groups(config.control_groups);
        let sandbox = sandbox(folder, &config, &ledger, &facts)?;
        warn_of_room(&config, &sandbox);
        let modules = load_modules(folder, &config, sandbox, &audit).await?;
        let labels = watch::Sender::new(config.labels);
        let gatherer = Gatherer::new(labels.subscribe(), modules.clone(), facts);
        gatherer.refresh().await;
        let guests = guest_runtime().map_err(StartError::Threads)?;
        let (joined, member) = watch::channel(membership.member.clone());
        let access = AccessInForce::new(config.access);
        warn_of_signers(&access.current());
        let mandates = Mandates {
            access: access.clone(),
            ledger: ledger.clone(),
            member: member.clone(),
            facts: gatherer.document(),
        };
        let dispatch = Dispatch {
            jobs: Jobs::new(jobs::Parts {
                ledger: ledger.clone(),
                modules: modules.clone(),
                access: access.clone(),
                mandates: mandates.clone(),
                audit: audit.clone(),
                guests: guests.handle().clone(),
                waiting: config.limits.queue,
            }),
            modules,
            access: access.clone(),
            mandates,
            audit: audit.clone(),
        };
        // 3. What goes on in the background, the link last: from then on there are jobs.
        let (stop, background, streams) = (CancellationToken::new(), TaskTracker::new(), TaskTracker::new());
        let (state, link) = watch::channel(LinkState::Unlinked("it was not tried yet".into()));
        let started_at = now_ms();
        let (jobs, modules) = (dispatch.jobs.clone(), dispatch.modules.clone());
        let vitals = Vitals { member, started_at, modules, jobs, ledger, link };
        background.spawn(purge(vitals.ledger.clone(), config.retention, stop.clone()));
        background.spawn(forget_spent(vitals.ledger.clone(), access.clone(), stop.clone()));
        let (wishes, reloads) = mpsc::channel(1);
        answer(folder, Doors { vitals: vitals.clone(), reloads: wishes }, &background, &stop);
        let link = Link {
            dispatch,
            membership,
            joined,
            instance,
            audit: audit.clone(),
            jobs: vitals.jobs.clone(),
            modules: vitals.modules.clone(),
            facts: gatherer.document(),
            ledger: vitals.ledger.clone(),
            streams: streams.clone(),
            stop: stop.clone(),
            state,
        };
        background.spawn(gatherer.run(stop.clone()));
        background.spawn(vitals.modules.clone().run(stop.clone()));
        background.spawn(link.run());
        let reloads = Mutex::new(Some(reloads));
        Ok(Self { vitals, access, audit, settings, labels, streams, background, stop, guests, reloads })
    }

    /// The name that the overlord gave to the minion.
    pub fn name(&self) -> MinionName {
        self.vitals.member.borrow().name.clone()
    }

    /// The address of the minion's overlord, as `host:port`.
    pub fn overlord(&self) -> String {
        self.vitals.member.borrow().overlord.clone()
    }

    /// The modules that the minion has.
    pub fn modules(&self) -> &Modules {
        &self.vitals.modules
    }

    /// Whether the minion is linked to its overlord, now and after each change of that.
    pub fn link(&self) -> watch::Receiver<LinkState> {
        self.vitals.link.clone()
    }

    /// How the minion is at this moment: what `minion status` shows.
    pub fn status(&self) -> Status {
        self.vitals.status()
    }

    /// The requests of this host's owner to read the configuration again, as `minion grant` makes them. Each is to
    /// be answered with what [`reload`](Self::reload) returns, or why the configuration could not be read.
    /// Returned to the first caller only; where nobody calls this, such requests are refused.
    pub fn reloads(&self) -> Option<mpsc::Receiver<Reload>> {
        self.reloads.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take()
    }

    /// Puts the policy, the access list and the labels of a configuration that was read again into force. Returns
    /// what that changes, and what else is new and has to wait for the next start, a line each.
    pub async fn reload(&self, config: Config) -> Vec<String> {
        let settings = Settings::of(&config);
        let mut changes = self.vitals.modules.apply(&config.modules, &config.signatures).await;
        if self.access.replace(config.access) {
            changes.push("the access list is another one".to_owned());
            warn_of_signers(&self.access.current());
        }
        if !changes.is_empty() {
            self.audit.policy(&changes);
        }
        changes.extend(self.relabel(config.labels));
        let later = self.settings.differences(&settings);
        changes.extend(later.into_iter().map(|key| format!("{key} takes effect at the next start")));
        changes
    }

    /// Takes other labels, which the overlord is told by itself, and returns a line for each that differs.
    fn relabel(&self, labels: Labels) -> Vec<String> {
        let before = self.labels.send_replace(labels.clone());
        let names: BTreeSet<&String> = before.keys().chain(labels.keys()).collect();
        let change = |name: &String| match (before.get(name), labels.get(name)) {
            (before, after) if before == after => None,
            (Some(before), Some(after)) => Some(format!("label {name} is {after:?} (was {before:?})")),
            (None, Some(after)) => Some(format!("label {name} is {after:?} (was not there)")),
            (before, None) => Some(format!("label {name} is gone (was {:?})", before?)),
        };
        names.into_iter().filter_map(change).collect()
    }

    /// Stops in good order: when this returns, the ledger has the end of every job that ran. Takes some seconds
    /// where guests do not end by themselves.
    pub async fn stop(self) {
        // 1. No new jobs; those that run are killed and recorded as interrupted.
        self.vitals.jobs.stop().await;
        // 2. The overlord's streams that follow a job still hear of its end, where it listens.
        self.streams.close();
        let _ = tokio::time::timeout(LAST_NEWS, self.streams.wait()).await;
        // 3. The link says goodbye, and nothing runs in the background any more. A compiler that is at work is
        // left to itself.
        self.stop.cancel();
        self.background.close();
        self.background.wait().await;
        self.vitals.modules.stop().await;
        // 4. What was written is on disk, and the folder free for the next one.
        self.vitals.ledger.close().await;
        self.audit.sync();
        // 5. The guests' threads, which have nothing left to do; one that is stuck dies with the process.
        self.guests.shutdown_background();
    }
}

impl Settings {
    /// The keys of the configuration whose values differ in the other one.
    fn differences(&self, other: &Self) -> Vec<&'static str> {
        [
            ("overlord", self.overlord != other.overlord),
            ("modules-dir", self.modules_dir != other.modules_dir),
            ("keep-versions", self.keep_versions != other.keep_versions),
            ("control-groups", self.control_groups != other.control_groups),
            ("[limits]", self.limits != other.limits),
            ("[retention]", self.retention != other.retention),
            ("[audit]", self.audit != other.audit),
        ]
        .into_iter()
        .filter_map(|(key, differs)| differs.then_some(key))
        .collect()
    }

    fn of(config: &Config) -> Self {
        Self {
            overlord: config.overlord.clone(),
            modules_dir: config.modules_dir.clone(),
            keep_versions: config.keep_versions,
            control_groups: config.control_groups,
            limits: config.limits.clone(),
            retention: config.retention.clone(),
            audit: config.audit.clone(),
        }
    }
}

/// Says where fewer jobs run at once than the configuration has.
fn warn_of_room(config: &Config, sandbox: &Sandbox) {
    let (wanted, jobs) = (config.limits.jobs, sandbox.jobs_at_once());
    if jobs < wanted {
        tracing::warn!(wanted, jobs, "the host has no room for as many jobs at once as [limits] says");
    }
}

/// Says where calls have to be signed and nobody can.
fn warn_of_signers(access: &Access) {
    if access.wants_signatures() && !access.knows_signers() {
        tracing::warn!(
            "[access] wants signed calls and names no keys of operators: nobody can call anything"
        );
    }
}

/// Brings the modules of the folder into service, and those that the overlord brought.
async fn load_modules(
    folder: &Folder,
    config: &Config,
    sandbox: Sandbox,
    audit: &Arc<Audit>,
) -> Result<Modules, StartError> {
    let versions = HighestVersions::open(&folder.highest_versions())?;
    let admission = Admission::new(config.signatures.clone(), versions);
    let places = ModulesConfig {
        folder: config.modules_dir.clone().unwrap_or_else(|| folder.modules()),
        versions: folder.versions(),
        staged: folder.staged(),
        keep: config.keep_versions,
    };
    Ok(Modules::load(sandbox, places, &config.modules, admission, audit.clone()).await?)
}

/// Answers `minion status` and the like from now on.
fn answer(folder: &Folder, doors: Doors, background: &TaskTracker, stop: &CancellationToken) {
    match Control::open(&folder.socket(), doors) {
        Ok(control) => drop(background.spawn(control.run(stop.clone()))),
        // A minion that cannot be asked how it is still does its work.
        Err(error) => tracing::warn!(%error, "`minion status` will not work: there is no socket"),
    }
}

/// The sandbox of a minion of this folder.
fn sandbox(
    folder: &Folder,
    config: &Config,
    ledger: &MinionLedger,
    facts: &Facts,
) -> Result<Sandbox, SandboxError> {
    Sandbox::new(SandboxConfig {
        cache_dir: Some(folder.cache()),
        max_jobs: config.limits.jobs,
        held: config.limits.held.0,
        processes: config.limits.processes,
        ledger: Some(ledger.clone()),
        facts: facts.clone(),
        ..SandboxConfig::default()
    })
}

async fn open_ledger(dir: PathBuf) -> Result<MinionLedger, StartError> {
    let opened = tokio::task::spawn_blocking(move || MinionLedger::open(&dir)).await;
    Ok(opened.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))?)
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

fn guest_runtime() -> std::io::Result<Runtime> {
    let mut threads = tokio::runtime::Builder::new_multi_thread();
    // The threads that wait for disks are not bounded by the number of guests: one guest may have many files.
    threads.thread_name("guest").max_blocking_threads(MAX_WAITING).enable_all().build()
}

/// Removes finished jobs that need not be kept any longer, from time to time.
async fn purge(ledger: MinionLedger, retention: Retention, stop: CancellationToken) {
    let keep = ledger::Retention::of(retention.age, retention.size.0);
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
/// How many threads may wait for disks and names on behalf of guests.
const MAX_WAITING: usize = 64;
/// How long the overlord has to take the last outcomes.
const LAST_NEWS: Duration = Duration::from_secs(2);
