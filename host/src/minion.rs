//! One minion: its parts, in the order in which they start and stop.

use std::path::PathBuf;
use std::time::Duration;

use ledger::{LedgerError, MinionLedger};
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use wire::clock::now_ms;
use wire::identity::IdentityError;
use wire::name::{BadName, MinionName};

use crate::config::{Config, Retention};
use crate::folder::{Folder, FolderError};
use crate::jobs::{Jobs, Load};
use crate::link::{Link, LinkState};
use crate::modules::{Modules, ModulesError};
use crate::sandbox::{Sandbox, SandboxConfig, SandboxError, SandboxStatus};

/// A running minion.
pub struct Minion {
    name: MinionName,
    overlord: String,
    modules: Modules,
    jobs: Jobs,
    ledger: MinionLedger,
    link: watch::Receiver<LinkState>,
    streams: TaskTracker,
    background: TaskTracker,
    stop: CancellationToken,
    guests: Runtime,
}

/// Why a minion cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Its folder cannot be used.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// Its certificate cannot be read.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The name in its certificate is none.
    #[error(transparent)]
    Name(#[from] BadName),
    /// Its job store cannot be opened.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The sandbox cannot be set up.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// The modules folder cannot be read.
    #[error(transparent)]
    Modules(#[from] ModulesError),
    /// There are no threads for guests.
    #[error("cannot start the threads that guests run on: {0}")]
    Threads(std::io::Error),
}

impl Minion {
    /// Starts the minion of a folder: it is ready for jobs when this returns, and links up by itself.
    pub async fn start(folder: &Folder, config: Config) -> Result<Self, StartError> {
        let identity = folder.identity()?;
        let name: MinionName = identity.peer()?.name.parse()?;
        let overlord = match config.overlord {
            Some(overlord) => overlord,
            None => folder.enrolment()?.overlord,
        };

        // 1. The ledger, which also says that no other process serves this folder.
        let ledger = open_ledger(folder.ledger()).await?;
        // 2. The sandbox and what runs in it, on threads of its own: no guest ever delays the link.
        let sandbox = Sandbox::new(SandboxConfig {
            cache_dir: Some(folder.cache()),
            max_jobs: config.limits.jobs,
            ..SandboxConfig::default()
        })?;
        let modules_dir = config.modules_dir.unwrap_or_else(|| folder.modules());
        let modules = Modules::load(sandbox, &modules_dir, &config.modules).await?;
        let guests = guest_runtime().map_err(StartError::Threads)?;
        let jobs = Jobs::new(ledger.clone(), modules.clone(), guests.handle().clone(), config.limits.queue);
        // 3. What goes on in the background, the link last: from then on there are jobs.
        let (stop, background, streams) = (CancellationToken::new(), TaskTracker::new(), TaskTracker::new());
        background.spawn(purge(ledger.clone(), config.retention, stop.clone()));
        let (state, link) = watch::channel(LinkState::Unlinked("it was not tried yet".into()));
        background.spawn(
            Link {
                identity,
                address: overlord.clone(),
                jobs: jobs.clone(),
                modules: modules.clone(),
                ledger: ledger.clone(),
                streams: streams.clone(),
                stop: stop.clone(),
                state,
            }
            .run(),
        );
        Ok(Self { name, overlord, modules, jobs, ledger, link, streams, background, stop, guests })
    }

    /// The name that the overlord gave to it.
    pub fn name(&self) -> &MinionName {
        &self.name
    }

    /// The address of its overlord.
    pub fn overlord(&self) -> &str {
        &self.overlord
    }

    /// Its modules.
    pub fn modules(&self) -> &Modules {
        &self.modules
    }

    /// Whether it is linked to its overlord; changes with every change of that.
    pub fn link(&self) -> watch::Receiver<LinkState> {
        self.link.clone()
    }

    /// How many jobs run and wait.
    pub fn load(&self) -> Load {
        self.jobs.load()
    }

    /// How its sandbox is.
    pub fn sandbox(&self) -> SandboxStatus {
        self.modules.sandbox().status()
    }

    /// Stops in good order: every job that runs has its end in the ledger when this returns.
    pub async fn stop(self) {
        // 1. No new jobs; those that run are killed and recorded as interrupted.
        self.jobs.stop().await;
        // 2. Whoever follows a job still hears of its end, if it listens.
        self.streams.close();
        let _ = tokio::time::timeout(LAST_NEWS, self.streams.wait()).await;
        // 3. The link says goodbye, and nothing runs in the background any more.
        self.stop.cancel();
        self.background.close();
        self.background.wait().await;
        // 4. What was written is on disk, and the folder free for the next one.
        self.ledger.close().await;
        // 5. The guests' threads, which have nothing left to do; one that is stuck dies with the process.
        self.guests.shutdown_background();
    }
}

/// Opens the job store and gives every job that a stopped minion left behind its end.
async fn open_ledger(dir: PathBuf) -> Result<MinionLedger, StartError> {
    let opened = tokio::task::spawn_blocking(move || MinionLedger::open(&dir)).await;
    let ledger = opened.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))?;
    match ledger.interrupt_unfinished(now_ms()).await {
        Ok(jobs) if jobs.is_empty() => {}
        Ok(jobs) => tracing::warn!("{} jobs were interrupted when the minion stopped", jobs.len()),
        // They get their end when the overlord asks for them.
        Err(error @ LedgerError::DiskFull { .. }) => tracing::error!("{error}"),
        Err(error) => return Err(error.into()),
    }
    Ok(ledger)
}

fn guest_runtime() -> std::io::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread().thread_name("guest").enable_all().build()
}

/// Removes finished jobs that need not be kept any longer, from time to time.
async fn purge(ledger: MinionLedger, retention: Retention, stop: CancellationToken) {
    let keep = ledger::Retention {
        keep_ms: Some(u64::try_from(retention.age.as_millis()).unwrap_or(u64::MAX)),
        bytes: Some(retention.size.0),
    };
    loop {
        match ledger.purge(keep, now_ms()).await {
            Ok(0) => {}
            Ok(jobs) => tracing::info!("{jobs} finished jobs were removed from the ledger"),
            Err(error) => tracing::warn!("finished jobs are kept for longer than they should be: {error}"),
        }
        if stop.run_until_cancelled(tokio::time::sleep(PURGE_EVERY)).await.is_none() {
            return;
        }
    }
}

/// How often retention is applied.
const PURGE_EVERY: Duration = Duration::from_secs(600);
/// How long the overlord has to hear of the last outcomes.
const LAST_NEWS: Duration = Duration::from_secs(2);
