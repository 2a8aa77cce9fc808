//! The modules at the start of the minion: what is in the folder, or else what served before it.

use std::time::Duration;

use tokio::task::JoinSet;

use wire::name::ModuleName;

use crate::modules::hotload::{HotLoad, Occasion};
use crate::modules::rollback::Rollback;
use crate::modules::service::Service;

/// Brings the modules into service at the start. Clones share it.
#[derive(Clone)]
pub(super) struct Startup {
    service: Service,
    hotload: HotLoad,
    rollback: Rollback,
}

impl Startup {
    pub(super) fn new(service: Service, hotload: HotLoad, rollback: Rollback) -> Self {
        Self { service, hotload, rollback }
    }

    /// Brings all of these into service. What takes the compiler long comes when it is ready: this waits briefly where an
    /// earlier version serves meanwhile, and for half a minute where nothing would.
    pub(super) async fn load_all(&self, names: Vec<ModuleName>) {
        let mut waits = JoinSet::new();
        for name in names {
            let startup = self.clone();
            waits.spawn(async move { startup.load_or_serve(name).await });
        }
        let all = async {
            let mut loaded = true;
            while let Some(one) = waits.join_next().await {
                loaded &= one.unwrap_or(true);
            }
            loaded
        };
        if tokio::time::timeout(PATIENCE, all).await != Ok(true) {
            tracing::info!(
                "some modules are still being compiled, and come into service when they are ready"
            );
        }
    }

    /// Loads a module's file, and waits for that, but not for long where an earlier version serves. Returns whether
    /// it is done.
    async fn load_or_serve(&self, name: ModuleName) -> bool {
        let (startup, named) = (self.clone(), name.clone());
        // Goes on where the wait is over.
        let loaded = self.service.tasks().finish(async move { startup.load(named).await });
        let served = async {
            tokio::time::sleep(BRIEFLY).await;
            let shelf = self.service.shelf();
            let mut changes = shelf.changes();
            while shelf.serving(&name).is_none() && changes.changed().await.is_ok() {}
        };
        tokio::select! {
            _ = loaded => true,
            () = served => false,
        }
    }

    async fn load(&self, name: ModuleName) {
        self.hotload.load(name.clone(), Occasion::Start).await;
        self.rollback.recall(&name, None).await;
    }
}

/// How long the start waits for the compiler where an earlier version serves.
const BRIEFLY: Duration = Duration::from_secs(2);
/// How long it does where nothing serves.
const PATIENCE: Duration = Duration::from_secs(30);
