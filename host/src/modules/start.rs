//! The modules at the start of the minion: what is in the folder, or else what served before it.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use tokio::sync::{Semaphore, watch as channel};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use wire::name::ModuleName;

use crate::admission::Admission;
use crate::audit::Audit;
use crate::modules::error::ModulesError;
use crate::modules::folder::ModulesFolder;
use crate::modules::set::{Entry, Set};
use crate::modules::store::Store;
use crate::modules::take::Occasion;
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
        for path in folder.misnamed().map_err(unreadable)? {
            tracing::warn!("\"{}\" is not loaded: its stem is no name for a module", path.display());
        }
        let store = Store::open(config.versions);
        let set = recalled(&store, policy);
        let modules = Self(Arc::new(Inner {
            sandbox,
            folder,
            store,
            staged: config.staged,
            keep: config.keep.get(),
            policy: RwLock::new(policy.clone()),
            admission,
            audit,
            set: RwLock::new(set),
            changed: channel::Sender::new(()),
            stepping: Arc::default(),
            loads: Semaphore::new(LOADS_AT_ONCE),
            bringing: Mutex::default(),
            tasks: TaskTracker::new(),
            stopping: CancellationToken::new(),
        }));
        modules.tidy().await;
        modules.take_all(files).await;
        Ok(modules)
    }

    async fn take_all(&self, names: Vec<ModuleName>) {
        let mut loading = JoinSet::new();
        for name in names.clone() {
            let modules = self.clone();
            loading.spawn(async move {
                let starting = modules.clone();
                modules.detached(async move { starting.take_at_start(name).await }).await
            });
        }
        let mut all = pin!(async { while loading.join_next().await.is_some() {} });
        if tokio::time::timeout(BRIEFLY, &mut all).await.is_ok() {
            return;
        }
        tokio::select! {
            () = all => return,
            () = self.until_served(&names) => {}
            () = tokio::time::sleep(PATIENCE) => {}
        }
        tracing::info!("some modules are still being compiled, and come into service when they are ready");
    }

    /// Waits until some version of each of these modules is in service.
    async fn until_served(&self, names: &[ModuleName]) {
        let mut changes = self.changes();
        while !names.iter().all(|name| self.active(name).is_ok()) {
            // Its other end lives as long as the modules do.
            let _ = changes.changed().await;
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
/// How much longer it does where nothing serves.
const PATIENCE: Duration = Duration::from_secs(30);
