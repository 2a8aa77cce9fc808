//! The modules at the start of the minion: what is in the folder, or else what served before it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use tokio::sync::{Semaphore, watch as channel};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use wire::name::ModuleName;

use crate::admission::Admission;
use crate::audit::Audit;
use crate::modules::attempts::Attempts;
use crate::modules::error::ModulesError;
use crate::modules::folder::ModulesFolder;
use crate::modules::set::{Entry, Set};
use crate::modules::store::Store;
use crate::modules::stray::{Found, Strays};
use crate::modules::take::Occasion;
use crate::modules::uploads::Uploads;
use crate::modules::{Inner, LOADS_AT_ONCE, Modules, ModulesConfig};
use crate::policy::Policy;
use crate::sandbox::Sandbox;

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
        let folder = ModulesFolder::open(config.folder.clone()).map_err(unreadable)?;
        let files: Vec<ModuleName> = folder.looks().map_err(unreadable)?.into_keys().collect();
        let mut strays = Strays::default();
        strays.note(Found::look(folder.path()).map_err(unreadable)?);
        // No module has a name that begins with a dot.
        let attempts = Attempts::new(config.versions.join(".loading"));
        let store = Store::open(config.versions);
        let set = recalled(&store, policy);
        let modules = Self(Arc::new(Inner {
            sandbox,
            folder,
            store,
            uploads: Uploads::of(config.staged),
            keep: config.keep.get(),
            policy: RwLock::new(policy.clone()),
            admission,
            audit,
            set: RwLock::new(set),
            strays: Mutex::new(strays),
            changed: channel::Sender::new(()),
            stepping: Arc::default(),
            loads: Semaphore::new(LOADS_AT_ONCE),
            attempts,
            tasks: TaskTracker::new(),
            stopping: CancellationToken::new(),
        }));
        modules.tidy().await;
        modules.take_all(files).await;
        let waiting = modules.clone();
        // Nobody waits for it: what comes of it is seen in the list.
        modules.0.tasks.spawn(async move {
            let stopping = waiting.0.stopping.clone();
            stopping.run_until_cancelled(waiting.look_at_all_waiting()).await
        });
        Ok(modules)
    }

    async fn take_all(&self, names: Vec<ModuleName>) {
        let mut waits = JoinSet::new();
        for name in names {
            let modules = self.clone();
            waits.spawn(async move { modules.take_or_serve(name).await });
        }
        let all = async {
            let mut taken = true;
            while let Some(one) = waits.join_next().await {
                taken &= one.unwrap_or(true);
            }
            taken
        };
        if tokio::time::timeout(PATIENCE, all).await != Ok(true) {
            tracing::info!(
                "some modules are still being compiled, and come into service when they are ready"
            );
        }
    }

    /// Takes a module's file, and waits for that, but not for long where an earlier version serves. Returns whether
    /// it is done.
    async fn take_or_serve(&self, name: ModuleName) -> bool {
        let (starting, named) = (self.clone(), name.clone());
        // Goes on where the wait is over.
        let taken = self.detached(async move { starting.take_at_start(named).await });
        let served = async {
            tokio::time::sleep(BRIEFLY).await;
            let mut changes = self.changes();
            while self.active(&name).is_err() && changes.changed().await.is_ok() {}
        };
        tokio::select! {
            _ = taken => true,
            () = served => false,
        }
    }

    async fn take_at_start(&self, name: ModuleName) {
        self.take(name.clone(), Occasion::Start).await;
        self.recall(&name, None).await;
    }
}

/// What an earlier process wrote down. Nothing of it is in service yet.
fn recalled(store: &Store, policy: &Policy) -> Set {
    let recalled = store.recall().into_iter().map(|(name, index)| {
        let entry = Entry::recalled(policy.of(&name), &name, index);
        (name, entry)
    });
    recalled.filter(|(_, entry)| !entry.is_empty()).collect::<BTreeMap<_, _>>()
}

/// How long the start waits for the compiler where an earlier version serves.
const BRIEFLY: Duration = Duration::from_secs(2);
/// How long it does where nothing serves.
const PATIENCE: Duration = Duration::from_secs(30);
