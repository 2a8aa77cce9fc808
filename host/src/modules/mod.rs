//! The modules of this minion: what is known under each name, which version serves, and how others come into
//! service.
//!
//! Calls take the pointer to the version in service once and keep it. Whatever changes what is in service or on disk holds the
//! `ChangeGuard`, of which there is one at a time, off the threads that must not wait; compiling
//! needs none, and holds nobody up.

mod activation;
pub(crate) mod admission;
mod candidate;
mod change_lock;
mod change_turns;
mod error;
mod events;
mod files;
mod folder;
mod hotload;
mod inventory;
mod loading;
mod policy_reload;
mod rollback;
mod service;
mod shelf;
mod staging;
mod startup;
mod tasks;
#[cfg(test)]
mod tests;
mod watch;

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch as channel;
use tokio_util::sync::CancellationToken;

use wire::digest::Digest;
use wire::message::link::{ModuleAnswer, Stage};
use wire::message::module::{Module, ModuleState};
use wire::message::outcome::FailureKind;
use wire::message::version::Version as MessageVersion;
use wire::name::ModuleName;
use wire::transport::frame::FrameError;

use crate::audit::Audit;
use crate::granting::Suggested;
use crate::modules::admission::Admission;
use crate::policy::{Policy, SignaturePolicy};
use crate::sandbox::{LoadedModule, Sandbox};

use activation::Activation;
pub(crate) use change_turns::Turn;
use change_turns::Turns;
pub use error::{ModulesError, NoModule};
pub use files::read_module;
use folder::ModulesFolder;
pub(crate) use folder::files_in;
use hotload::HotLoad;
pub(crate) use inventory::tellable;
use loading::Loader;
use policy_reload::PolicyReload;
use rollback::Rollback;
use service::Service;
pub(crate) use shelf::waiting_in;
use shelf::{Entries, Shelf, Version};
use staging::{Expiry, Staged, StagingDoor, Ungranted, Uploads};
use startup::Startup;
use tasks::Tasks;
use watch::FolderWatch;

/// The set of modules. Clones share it.
#[derive(Clone)]
pub struct Modules {
    shelf: Shelf,
    folder: Arc<ModulesFolder>,
    service: Service,
    activation: Activation,
    rollback: Rollback,
    hotload: HotLoad,
    staging: StagingDoor,
    expiry: Expiry,
    policy_reload: PolicyReload,
    turns: Turns,
}

/// Where modules come from and are kept, and how many.
#[derive(Clone, Debug)]
pub struct ModulesConfig {
    /// The folder whose files are in service.
    pub folder: PathBuf,
    /// The folder of the versions that are kept.
    pub versions: PathBuf,
    /// The folder of what has come of versions that are on their way here.
    pub staged: PathBuf,
    /// How many versions of each module are kept, the one in service among them.
    pub keep: NonZeroUsize,
}

impl Modules {
    /// Loads every `*.wasm` file of the modules folder, which is made where there is none.
    ///
    /// A file that cannot be loaded is listed with the reason and does not stop the others; where an earlier
    /// version of it is kept, that one serves. What takes the compiler long comes into service when it is ready:
    /// the start waits briefly for it where an earlier version serves meanwhile, and for half a minute where
    /// nothing would.
    pub(crate) async fn load(
        sandbox: Sandbox,
        config: ModulesConfig,
        policy: &Policy,
        admission: Admission,
        audit: Arc<Audit>,
    ) -> Result<Self, ModulesError> {
        let unreadable = |source| ModulesError { path: config.folder.clone(), source };
        let folder = Arc::new(ModulesFolder::open(config.folder.clone()).map_err(unreadable)?);
        let files: Vec<ModuleName> = folder.looks().map_err(unreadable)?.into_keys().collect();
        // No module has a name that begins with a dot.
        let attempts = config.versions.join(".loading");
        let shelf = Shelf::open(config.versions, config.keep.get(), policy);
        let loader = Loader::new(sandbox, admission, attempts, shelf.clone(), folder.clone());
        let service = Service::new(shelf.clone(), folder.clone(), loader, Tasks::default(), audit);
        let uploads = Uploads::of(config.staged);

        let activation = Activation::new(service.clone());
        let rollback = Rollback::new(service.clone(), activation.clone());
        let hotload = HotLoad::new(service.clone(), rollback.clone());
        let staged = Staged::new(service.clone(), uploads.clone());
        let ungranted = Ungranted::new(service.clone(), activation.clone(), staged.clone());
        let expiry = Expiry::new(service.clone(), staged.clone(), uploads.clone());
        let staging = StagingDoor::new(service.clone(), staged, uploads);

        expiry.tidy().await;
        Startup::new(service.clone(), hotload.clone(), rollback.clone()).load_all(files).await;
        let policy_reload =
            PolicyReload::new(service.clone(), hotload.clone(), rollback.clone(), ungranted.clone());
        service.tasks().spawn(async move { ungranted.look_at_all_again().await });
        let turns = Turns::default();
        Ok(Self {
            shelf,
            folder,
            service,
            activation,
            rollback,
            hotload,
            staging,
            expiry,
            policy_reload,
            turns,
        })
    }

    /// Watches the folder and tidies up until it is told to stop.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let watch = FolderWatch::new(self.hotload.clone());
        let both = async { tokio::join!(watch.watch(), self.expiry.run()) };
        stop.run_until_cancelled(both).await;
    }

    /// Ends what goes on by itself. A change that was begun is finished first; a compiler that is at work is left
    /// to itself, and ends with the process.
    pub(crate) async fn stop(&self) {
        if tokio::time::timeout(LAST_CHANGES, self.service.stop()).await.is_err() {
            tracing::warn!("a change of the modules did not end in time");
        }
        self.service.loader().forgive();
    }

    /// The sandbox that they run in.
    pub fn sandbox(&self) -> &Sandbox {
        self.service.loader().sandbox()
    }

    /// The version of a module that is in service.
    ///
    /// Jobs keep what they get here to their end, whatever comes into service meanwhile.
    pub fn active(&self, name: &ModuleName) -> Result<Arc<LoadedModule>, NoModule> {
        let entries = self.shelf.entries();
        match entries.get(name) {
            Some(entry) => entry.serving().cloned().ok_or_else(|| entry.absent(name)),
            None => Err(self.stray(name, &entries).unwrap_or_else(|| NoModule::Unknown {
                name: name.clone(),
                present: entries.keys().cloned().collect(),
            })),
        }
    }

    /// Why there is no module of this name, where there is something in its folder that is shown under it.
    fn stray(&self, name: &ModuleName, entries: &Entries) -> Option<NoModule> {
        let rows = self.folder.stray_rows(|name| entries.contains_key(name));
        let ModuleState::Failed(reason) = rows.into_iter().find(|row| row.name == *name)?.state else {
            return None;
        };
        Some(NoModule::Failed { name: name.clone(), kind: FailureKind::UnknownModule, reason })
    }

    /// What there is, as the overlord is told it, in the order of the names: also what lies in the folder and cannot
    /// be loaded for what it is called.
    pub fn list(&self) -> Vec<Module> {
        let entries = self.shelf.entries();
        let mut modules: Vec<Module> =
            entries.iter().filter_map(|(name, entry)| entry.describe(name)).collect();
        modules.extend(self.folder.stray_rows(|name| entries.contains_key(name)));
        modules.sort_by(|one, other| one.name.cmp(&other.name));
        modules
    }

    /// The modules in service.
    pub fn all_active(&self) -> Vec<Arc<LoadedModule>> {
        self.shelf.all_serving()
    }

    /// Every version that jobs run of: those in service, and those that jobs still run of.
    pub(crate) fn all_running(&self) -> Vec<(ModuleState, Arc<LoadedModule>)> {
        self.shelf.all_running()
    }

    /// Changes whenever [`list`](Self::list) would say something new.
    pub fn changes(&self) -> channel::Receiver<()> {
        self.shelf.changes()
    }

    /// What the newest version that is at hand suggests: that of the version that waits for a grant, or else of the file in
    /// the modules folder, or else of the versions that are kept.
    pub(crate) async fn suggested(&self, name: ModuleName) -> Suggested {
        let known = self.shelf.look(&name, |entry| {
            let known: Vec<Digest> = entry.versions().iter().map(Version::digest).collect();
            (entry.waiting().map(Version::digest), known)
        });
        let (waiting, known) = known.unwrap_or_default();
        let (shelf, folder) = (self.shelf.clone(), self.folder.clone());
        let read = tokio::task::spawn_blocking(move || {
            let kept = |digest| shelf.read(&name, digest).ok();
            let in_folder = || folder.read(&name).ok().flatten();
            let found = waiting.and_then(kept).or_else(in_folder);
            let found = found.or_else(|| known.into_iter().find_map(kept));
            found.map_or(Suggested::NoModule, |candidate| Suggested::by(&candidate.bytes))
        });
        // It ends early only with the process.
        read.await.unwrap_or(Suggested::NoModule)
    }

    /// Puts a new policy into force and says what it changes, a line each.
    ///
    /// Modules for which it changes something are loaded again. One that cannot be loaded under it is out of
    /// service from now on: it must not go on with what was withdrawn. As at a start, an earlier version serves
    /// in its place where one can be loaded. Jobs that run keep what they have.
    pub async fn apply(&self, policy: &Policy, signatures: &SignaturePolicy) -> Vec<String> {
        self.policy_reload.apply(policy, signatures).await
    }

    /// A job of this version trapped: where policy says that these are too many, the version before comes back.
    pub(crate) fn trapped(&self, name: &ModuleName, digest: Digest, message: &str) {
        self.rollback.trapped(name, digest, message);
    }

    /// Takes a version and makes it ready, without putting it into service.
    ///
    /// What has come of it stays where the stream breaks. From when all of it is here, it goes on whether or
    /// not the stream does. Who brings the same a second time waits for the first.
    pub(crate) async fn stage(
        &self,
        stage: Stage,
        version: MessageVersion,
        send: &mut (impl AsyncWrite + Unpin),
        recv: &mut (impl AsyncRead + Unpin),
    ) -> Result<(), FrameError> {
        self.staging.stage(stage, version, send, recv).await
    }

    /// Waits for the turn of a change of this module whose order among others counts.
    pub(crate) async fn turn(&self, name: &ModuleName) -> Turn {
        self.turns.of(name).await
    }

    /// Puts a version that is staged or kept into service. Its `turn` is over when it is, whoever waits for it.
    pub(crate) async fn activate(
        &self,
        turn: Option<Turn>,
        name: ModuleName,
        digest: Digest,
    ) -> ModuleAnswer {
        let activation = self.activation.clone();
        self.answer(turn, async move { activation.activate(name, digest).await }).await
    }

    /// Forgets a version that was staged. One that is or was in service stays what it is.
    pub(crate) async fn discard(&self, name: ModuleName, digest: Digest) -> ModuleAnswer {
        let staging = self.staging.clone();
        self.answer(None, async move { staging.discard(name, digest).await }).await
    }

    /// Goes back to the version that was in service before; where that cannot be loaded, to the one before it.
    pub(crate) async fn roll_back(&self, turn: Option<Turn>, name: ModuleName) -> ModuleAnswer {
        let rollback = self.rollback.clone();
        self.answer(turn, async move { rollback.roll_back(name).await }).await
    }

    /// Takes a module out of service: its file goes, its versions are kept.
    pub(crate) async fn remove(&self, turn: Option<Turn>, name: ModuleName) -> ModuleAnswer {
        let service = self.service.clone();
        self.answer(turn, async move { service.remove(name).await }).await
    }

    /// Goes on with a change that an overlord asked for, whether or not that waits, and answers with what became of it.
    async fn answer(
        &self,
        turn: Option<Turn>,
        change: impl Future<Output = ModuleAnswer> + Send + 'static,
    ) -> ModuleAnswer {
        let in_turn = async move {
            let answer = change.await;
            drop(turn);
            answer
        };
        self.service.tasks().answer(in_turn).await
    }
}

/// How long changes that were begun have when the minion stops.
const LAST_CHANGES: Duration = Duration::from_secs(5);
