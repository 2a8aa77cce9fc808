//! The modules of this minion: what is known under each name, which version serves, and how others come into
//! service.
//!
//! Calls take the pointer to the version in service once and keep it. Everything that changes what is in service
//! or on disk is a step, and one step is made at a time, off the threads that must not wait; compiling is no
//! step, and holds nobody up.

mod activate;
mod attempts;
mod error;
mod events;
mod files;
mod folder;
mod housekeeping;
mod index;
mod policy;
mod prepare;
mod recall;
mod remove;
mod rollback;
mod set;
mod stage;
mod start;
mod store;
mod stray;
mod suggested;
mod take;
#[cfg(test)]
mod tests;
mod told;
mod uploads;
mod verdict;
mod version;
mod waiting;
mod watch;

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use tokio::sync::{Semaphore, watch as channel};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use wire::digest::Digest;
use wire::message::link::ModuleAnswer;
use wire::message::module::{Module, ModuleState};
use wire::message::outcome::FailureKind;
use wire::name::ModuleName;

use crate::admission::Admission;
use crate::audit::{Audit, ModuleChange, Origin};
use crate::policy::Policy;
use crate::sandbox::{LoadedModule, Sandbox};

use attempts::Attempts;
pub use error::{ModulesError, NoModule};
pub use files::read_module;
use folder::ModulesFolder;
pub(crate) use folder::files_in;
use set::Set;
use store::Store;
use stray::{Found, Strays};
pub(crate) use suggested::waiting_in;
pub(crate) use told::tellable;
use uploads::Uploads;

/// The set of modules. Clones share it.
#[derive(Clone)]
pub struct Modules(Arc<Inner>);

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

struct Inner {
    sandbox: Sandbox,
    folder: ModulesFolder,
    store: Store,
    /// What has come of versions whose rest has not.
    uploads: Uploads,
    keep: usize,
    policy: RwLock<Policy>,
    /// Says which files may be loaded.
    admission: Admission,
    audit: Arc<Audit>,
    set: RwLock<Set>,
    /// What lies in the folder and is no module. Taken after the set, where both are.
    strays: Mutex<Strays>,
    changed: channel::Sender<()>,
    /// Held while a step is made.
    stepping: Arc<tokio::sync::Mutex<()>>,
    /// How many versions are read and compiled at the same time.
    loads: Semaphore,
    /// What was being loaded when the minion died.
    attempts: Attempts,
    /// Owns what goes on by itself: versions on their way into and out of service.
    tasks: TaskTracker,
    stopping: CancellationToken,
}

impl Modules {
    /// The version of a module that is in service.
    ///
    /// Jobs keep what they get here to their end, whatever comes into service meanwhile.
    pub fn active(&self, name: &ModuleName) -> Result<Arc<LoadedModule>, NoModule> {
        let set = self.0.set();
        match set.get(name) {
            Some(entry) => match &entry.serving {
                Some(module) => Ok(module.clone()),
                None => Err(entry.absent(name)),
            },
            None => Err(self.0.stray(name, &set).unwrap_or_else(|| NoModule::Unknown {
                name: name.clone(),
                present: set.keys().cloned().collect(),
            })),
        }
    }

    /// What there is, as the overlord is told it, in the order of the names: also what lies in the folder and cannot
    /// be loaded for what it is called.
    pub fn list(&self) -> Vec<Module> {
        let set = self.0.set();
        let mut modules: Vec<Module> = set.iter().filter_map(|(name, entry)| entry.describe(name)).collect();
        modules.extend(self.0.strays().rows(|name| set.contains_key(name)));
        modules.sort_by(|one, other| one.name.cmp(&other.name));
        modules
    }

    /// Takes note of what lies in the folder and is no module.
    fn note_strays(&self, found: Found) {
        if self.0.strays().note(found) {
            self.0.changed.send_replace(());
        }
    }

    /// The modules in service.
    pub fn all_active(&self) -> Vec<Arc<LoadedModule>> {
        self.0.set().values().filter_map(|entry| entry.serving.clone()).collect()
    }

    /// Every version that jobs run of: those in service, and those that jobs still run of.
    pub(crate) fn all_running(&self) -> Vec<(ModuleState, Arc<LoadedModule>)> {
        self.0.set().values().flat_map(set::Entry::running).collect()
    }

    /// Changes whenever [`list`](Self::list) would say something new.
    pub fn changes(&self) -> channel::Receiver<()> {
        self.0.changed.subscribe()
    }

    /// The sandbox that they run in.
    pub fn sandbox(&self) -> &Sandbox {
        &self.0.sandbox
    }

    /// Ends what goes on by itself. A step that was begun is finished first; a compiler that is at work is left
    /// to itself, and ends with the process.
    pub(crate) async fn stop(&self) {
        self.0.stopping.cancel();
        self.0.tasks.close();
        let last = async {
            self.0.tasks.wait().await;
            // Whoever waited for a step may be gone before the step is over.
            drop(self.0.stepping.lock().await);
        };
        if tokio::time::timeout(LAST_STEPS, last).await.is_err() {
            tracing::warn!("a change of the modules did not end in time");
        }
        self.0.attempts.forgive();
    }

    /// Makes one step, when it is its turn. It is finished even where nobody waits for it any more.
    async fn step<T: Send + 'static>(&self, step: impl FnOnce(&Modules) -> T + Send + 'static) -> T {
        let turn = self.0.stepping.clone().lock_owned().await;
        let modules = self.clone();
        let done = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            step(&modules)
        });
        match done.await {
            Ok(done) => done,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // The runtime shuts down, and with it whoever waits here.
                Err(_) => std::future::pending().await,
            },
        }
    }

    /// Goes on with this whether or not somebody waits for it.
    async fn detached<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> Option<T> {
        let stopping = self.0.stopping.clone();
        let task = self.0.tasks.spawn(async move { stopping.run_until_cancelled(work).await });
        match task.await {
            Ok(done) => done,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => None,
            },
        }
    }

    /// Goes on with a change that an overlord asked for, and answers with what became of it.
    async fn answer(&self, work: impl Future<Output = ModuleAnswer> + Send + 'static) -> ModuleAnswer {
        self.detached(work).await.unwrap_or_else(|| ModuleAnswer::Refused(STOPPING.to_owned()))
    }

    /// Waits for a version that was taken out of service to have no job any more, and then lets it go.
    fn drain(&self, former: Option<Arc<LoadedModule>>) {
        let Some(former) = former else { return };
        let (name, digest) = (former.describe().name.clone(), former.describe().digest);
        let gone = former.gone();
        drop(former);
        let modules = self.clone();
        // Ends with the last job of the version; a stop does not wait for it.
        self.0.tasks.spawn(async move {
            if modules.0.stopping.run_until_cancelled(gone.cancelled()).await.is_some() {
                modules.step(move |modules| modules.0.retire(&name, digest)).await;
            }
        });
    }
}

impl Inner {
    fn set(&self) -> RwLockReadGuard<'_, Set> {
        self.set.read().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn strays(&self) -> MutexGuard<'_, Strays> {
        self.strays.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Why there is no module of this name, where there is something in its folder that is shown under it.
    fn stray(&self, name: &ModuleName, set: &Set) -> Option<NoModule> {
        let rows = self.strays().rows(|name| set.contains_key(name));
        let ModuleState::Failed(reason) = rows.into_iter().find(|row| row.name == *name)?.state else {
            return None;
        };
        Some(NoModule::Failed { name: name.clone(), kind: FailureKind::UnknownModule, reason })
    }

    fn set_mut(&self) -> RwLockWriteGuard<'_, Set> {
        self.set.write().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Changes what is known under a name, and says that it is something else now.
    fn update<T>(&self, name: &ModuleName, update: impl FnOnce(&mut set::Entry) -> T) -> T {
        let done = {
            let mut set = self.set_mut();
            let entry = set.entry(name.clone()).or_insert_with(|| set::Entry::new(self.policy_of(name)));
            let done = update(entry);
            if entry.is_empty() {
                set.remove(name);
            }
            done
        };
        self.changed.send_replace(());
        done
    }

    fn policy_of(&self, name: &ModuleName) -> crate::policy::ModulePolicy {
        self.policy.read().unwrap_or_else(|poisoned| poisoned.into_inner()).of(name)
    }

    /// The last job of a version that was taken out of service is over. Part of a step.
    fn retire(&self, name: &ModuleName, digest: Digest) {
        if self.update(name, |entry| entry.retire(digest)) {
            self.trim(name);
        }
    }

    /// Lets go of versions beyond what is kept, and writes down what is known. Part of a step.
    fn trim(&self, name: &ModuleName) {
        let keep = self.keep;
        for digest in self.update(name, |entry| entry.let_go(keep)) {
            self.store.remove(name, digest);
        }
        let index = self.set().get(name).map(set::Entry::index);
        self.store.note(name, index.as_ref());
    }

    /// A version that is not taken, as the audit log has it.
    fn refused<'a>(
        &self,
        module: &'a ModuleName,
        digest: Digest,
        by: Origin,
        reason: &'a str,
    ) -> ModuleChange<'a> {
        ModuleChange {
            what: "refused",
            by,
            module,
            digest: Some(digest),
            version: None,
            before: self.set().get(module).and_then(set::Entry::serving_digest),
            signer: None,
            reason: Some(reason),
        }
    }

    /// Puts a change of what is in service into the audit log and the log.
    fn tell(&self, change: &ModuleChange<'_>) {
        change.log();
        self.audit.module(change);
    }
}

/// How many versions are read and compiled at the same time.
const LOADS_AT_ONCE: usize = 2;
/// What is said to whoever asks for a change that the end of the minion comes in between of.
const STOPPING: &str = "is stopping";
/// How long steps that were begun have when the minion stops.
const LAST_STEPS: Duration = Duration::from_secs(5);
