//! What the minions of one process share: the modules with their sandbox, the facts of the host, the threads of guests and the
//! places in which jobs run, and the configuration that says so.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use ledger::Retention as Kept;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::access::{Access, AccessInForce};
use crate::audit::Audit;
use crate::config::{Config, HostLimits, Retention};
use crate::containment::Containment;
use crate::dialler::Dialler;
use crate::facts::gathered::Gathered;
use crate::facts::{Gatherer, Labels};
use crate::folder::Folder;
use crate::highest_versions::HighestVersions;
use crate::jobs::Queue;
use crate::modules::admission::Admission;
use crate::modules::{Modules, ModulesConfig};
use crate::sandbox::{Facts, Sandbox, SandboxConfig, SandboxError};
use crate::start_error::StartError;

/// What the minions of one process share.
pub(crate) struct Shared {
    /// The modules, with the sandbox that they run in.
    pub(crate) modules: Modules,
    /// Who may call what.
    pub(crate) access: AccessInForce,
    /// The audit log, of what no single minion does.
    pub(crate) audit: Arc<Audit>,
    /// The places in which jobs run.
    pub(crate) queue: Queue,
    /// The threads of guests.
    pub(crate) guests: Runtime,
    /// What is known of the host.
    pub(crate) facts: watch::Receiver<Gathered>,
    /// Dials overlords.
    pub(crate) dialler: Dialler,
    /// Who shares it.
    pub(crate) sharing: Sharing,
    /// The part of the configuration that takes effect at a start only.
    settings: Settings,
    /// The labels that the owner of the host gives it.
    labels: watch::Sender<Labels>,
    background: TaskTracker,
    stop: CancellationToken,
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

/// Who shares what a process has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sharing {
    /// One minion has it alone.
    Alone,
    /// So many minions have it.
    Swarm(usize),
}

impl Sharing {
    fn minions(self) -> usize {
        match self {
            Sharing::Alone => 1,
            Sharing::Swarm(minions) => minions,
        }
    }
}

impl Shared {
    /// Loads the modules of a folder and gathers facts, and goes on with both from then on.
    ///
    /// The caller has made sure that no other process serves this folder.
    ///
    /// # Errors
    /// [`StartError`], of the sandbox, the modules and the threads.
    pub(crate) async fn start(
        folder: &Folder,
        config: Config,
        audit: Arc<Audit>,
        dialler: Dialler,
        sharing: Sharing,
    ) -> Result<Self, StartError> {
        let settings = Settings::of(&config);
        let facts = Facts::default();
        Containment::use_control_groups(config.control_groups);
        let sandbox = sandbox(folder, &config, &facts)?;
        warn_of_room(&config, &sandbox);
        // As many jobs run at once as the process has room for, and each minion may have as many that wait.
        let waiting = config.limits.queue.saturating_mul(sharing.minions());
        let queue = Queue::new(sandbox.jobs_at_once(), waiting);
        let modules = load_modules(folder, &config, sandbox, &audit).await?;
        let labels = watch::Sender::new(config.labels);
        let gatherer = Gatherer::new(labels.subscribe(), modules.clone(), facts);
        gatherer.refresh().await;
        let guests = guest_runtime().map_err(StartError::Threads)?;
        let (stop, background) = (CancellationToken::new(), TaskTracker::new());
        let facts = gatherer.gathered();
        background.spawn(gatherer.run(stop.clone()));
        background.spawn(modules.clone().run(stop.clone()));
        let access = AccessInForce::new(config.access);
        warn_of_signers(&access.current());
        Ok(Self {
            modules,
            access,
            audit,
            queue,
            guests,
            facts,
            dialler,
            sharing,
            settings,
            labels,
            background,
            stop,
        })
    }

    /// The overlord that the configuration names.
    pub(crate) fn overlord(&self) -> Option<String> {
        self.settings.overlord.clone()
    }

    /// How long finished jobs are kept.
    pub(crate) fn retention(&self) -> Kept {
        Kept::of(self.settings.retention.age, self.settings.retention.size.0)
    }

    /// Puts the policy, the access list and the labels of a configuration that was read again into force. Returns
    /// what that changes, and what else is new and has to wait for the next start, a line each.
    pub(crate) async fn reload(&self, config: Config) -> Vec<String> {
        let settings = Settings::of(&config);
        let mut changes = self.modules.apply(&config.modules, &config.signatures).await;
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

    /// Stops in good order, once the minions have.
    pub(crate) async fn stop(self) {
        // 1. Nothing runs in the background any more. A compiler that is at work is left to itself.
        self.stop.cancel();
        self.background.close();
        self.background.wait().await;
        self.modules.stop().await;
        // 2. Overlords have heard of the ends of all links.
        self.dialler.close().await;
        // 3. What was written is on disk.
        self.audit.sync();
        // 4. The guests' threads, which have nothing left to do; one that is stuck dies with the process.
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

fn sandbox(folder: &Folder, config: &Config, facts: &Facts) -> Result<Sandbox, SandboxError> {
    Sandbox::new(SandboxConfig {
        cache_dir: Some(folder.cache()),
        max_jobs: config.limits.jobs,
        held: config.limits.held.0,
        processes: config.limits.processes,
        facts: facts.clone(),
        ..SandboxConfig::default()
    })
}

fn guest_runtime() -> std::io::Result<Runtime> {
    let mut threads = tokio::runtime::Builder::new_multi_thread();
    // The threads that wait for disks are not bounded by the number of guests: one guest may have many files.
    threads.thread_name("guest").max_blocking_threads(MAX_WAITING).enable_all().build()
}

/// How many threads may wait for disks and names on behalf of guests.
const MAX_WAITING: usize = 64;
