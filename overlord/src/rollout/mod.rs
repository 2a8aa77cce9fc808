//! Hot loading: versions of modules on their way to minions, pushed by operators or because they are assigned.

mod ask;
mod assign;
mod change;
mod claim;
mod deadline;
mod live;
mod push;
mod reconcile;
#[cfg(test)]
mod rig;
mod stage;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use ledger::OverlordLedger;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use wire::digest::Digest;
use wire::message::catalogue::{Claimed, KeptModule};
use wire::message::link::Stage;
use wire::message::operator::Refusal;
use wire::name::{MinionName, ModuleName, OperatorName};

use self::claim::Claims;
use crate::catalogue::Catalogue;
use crate::config::Config;
use crate::registry::Registry;
use crate::turns::{Turn, Turns};

pub(crate) use self::assign::Assigned;
pub(crate) use self::change::Edit;
pub(crate) use self::claim::Claim;
pub(crate) use self::deadline::{Deadline, time_for};
pub(crate) use self::live::{Following, tell};

/// Everything that changes the modules of minions. A cheap handle.
#[derive(Clone)]
pub(crate) struct Rollout(Arc<Inner>);

struct Inner {
    config: Config,
    ledger: OverlordLedger,
    registry: Registry,
    catalogue: Catalogue,
    claims: Claims,
    /// One thing at a time happens to one module on one minion.
    turns: Turns<(MinionName, ModuleName)>,
    senders: Semaphore,
    reconcilers: Semaphore,
    /// What each minion was to have when it was looked at last.
    looked_at: Mutex<HashMap<MinionName, reconcile::Wanted>>,
    /// What minions refused that is assigned to them: tried again once they have it ready.
    refused: Mutex<reconcile::Refused>,
    /// The minions that were too slow to take what is assigned to them, and since when.
    slow: Mutex<HashMap<MinionName, Instant>>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Rollout {
    pub(crate) fn new(
        config: Config,
        ledger: OverlordLedger,
        registry: Registry,
        catalogue: Catalogue,
        stop: CancellationToken,
    ) -> Self {
        Self(Arc::new(Inner {
            config,
            ledger,
            registry,
            catalogue,
            claims: Claims::default(),
            turns: Turns::default(),
            senders: Semaphore::new(SENDERS),
            reconcilers: Semaphore::new(RECONCILERS),
            looked_at: Mutex::default(),
            refused: Mutex::default(),
            slow: Mutex::default(),
            tasks: TaskTracker::new(),
            stop,
        }))
    }

    /// Gives up what is under way. What is assigned is brought in the daemon's next life, what was pushed is
    /// to be pushed again.
    pub(crate) async fn stop(&self) {
        self.0.stop.cancel();
        self.0.tasks.close();
        self.0.tasks.wait().await;
    }

    /// Claims the right to change a module, and a file where there is one.
    pub(crate) fn claim(
        &self,
        name: &ModuleName,
        digest: Option<Digest>,
        operator: &OperatorName,
        doing: &'static str,
    ) -> Result<Claim, Refusal> {
        self.0.claims.claim(name, digest, operator, doing)
    }

    /// Calls off the push of a module that is under way.
    pub(crate) fn cancel_push(&self, name: &ModuleName, operator: &OperatorName) -> Result<Claimed, Refusal> {
        self.0.claims.cancel(name, operator)
    }

    /// Takes a module from whoever changes it, whose work ends where it is.
    pub(crate) async fn release(
        &self,
        name: &ModuleName,
        operator: &OperatorName,
    ) -> Result<Claimed, Refusal> {
        self.0.claims.release(name, operator).await
    }

    /// Lets go of what the catalogue need not keep.
    pub(crate) async fn prune(&self) {
        if let Err(error) = self.catalogue().prune(|| self.0.claims.digests()).await {
            tracing::warn!(%error, "cannot tidy up the catalogue");
        }
    }

    /// Runs something until its end or the daemon's.
    fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let stop = self.0.stop.clone();
        // Owned by the tracker; who follows the work learns of its end.
        self.0.tasks.spawn(async move {
            stop.run_until_cancelled(work).await;
        });
    }

    /// Waits for the turn to change a module on a minion.
    async fn turn(&self, minion: &MinionName, name: &ModuleName) -> Turn {
        self.0.turns.wait((minion.clone(), name.clone())).await
    }

    /// The digest that a minion has in service under a name, as it last said.
    fn in_service(&self, minion: &MinionName, name: &ModuleName) -> Option<Digest> {
        self.registry().in_service(minion, name)
    }

    fn ledger(&self) -> &OverlordLedger {
        &self.0.ledger
    }

    fn registry(&self) -> &Registry {
        &self.0.registry
    }

    fn config(&self) -> &Config {
        &self.0.config
    }

    fn catalogue(&self) -> &Catalogue {
        &self.0.catalogue
    }

    fn senders(&self) -> &Semaphore {
        &self.0.senders
    }
}

/// Does the same with many minions side by side, and returns what came of it in any order.
async fn on_each<A, T, F>(minions: Vec<A>, work: impl Fn(A) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    // Owned here: they end with whoever waits for them.
    let mut tasks: JoinSet<T> = minions.into_iter().map(work).collect();
    let mut done = Vec::new();
    while let Some(outcome) = tasks.join_next().await {
        match outcome {
            Ok(outcome) => done.push(outcome),
            Err(error) => tracing::error!(%error, "a change of a module broke off"),
        }
    }
    done
}

/// What a minion is asked to make ready.
fn stage_of(module: &KeptModule, downgrade: bool) -> Stage {
    Stage {
        name: module.name.clone(),
        digest: module.digest,
        size: module.size,
        signature: module.signature.clone(),
        downgrade,
    }
}

/// How many minions are sent bytes at once.
const SENDERS: usize = 12;

/// How many minions are brought what is assigned to them at once.
const RECONCILERS: usize = 8;
