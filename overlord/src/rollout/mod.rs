//! Hot loading: versions of modules on their way to minions, pushed by operators or because they are assigned.
//!
//! [`Rollout`] is what the daemon knows of this room. `push` and `edit` add to the handle and go through it, so these
//! and this file name each other; the nouns (reservations, assignments, the installer, the reconciler) name neither.

mod asker;
mod assignments;
mod change;
mod deadline;
mod edit;
#[cfg(test)]
mod fixture;
mod installer;
mod push;
mod reconciler;
mod reservation;
mod staging;

use std::sync::Arc;

use ledger::{LedgerError, OverlordLedger};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use wire::digest::Digest;
use wire::message::catalogue::{Assignment, AssignmentStatus, KeptModule, OngoingChange};
use wire::message::operator::Refusal;
use wire::name::{MinionName, ModuleName, OperatorName};

use self::assignments::Assignments;
use self::installer::Installer;
use self::reconciler::Reconciler;
use self::reservation::Reservations;
use crate::catalogue::Catalogue;
use crate::config_in_force::ConfigInForce;
use crate::registry::Registry;
use crate::tasks::Tasks;

pub(crate) use self::asker::Asker;
pub(crate) use self::assignments::Assigned;
pub(crate) use self::change::{Following, tell};
pub(crate) use self::deadline::{Deadline, time_for};
pub(crate) use self::edit::Edit;
pub(crate) use self::reservation::Reservation;

/// Everything that changes the modules of minions. A cheap handle.
#[derive(Clone)]
pub(crate) struct Rollout(Arc<Inner>);

struct Inner {
    registry: Registry,
    catalogue: Catalogue,
    reservations: Reservations,
    assignments: Assignments,
    installer: Installer,
    reconciler: Reconciler,
    tasks: Arc<Tasks>,
}

impl Rollout {
    pub(crate) fn new(
        config: ConfigInForce,
        ledger: OverlordLedger,
        registry: Registry,
        catalogue: Catalogue,
        stop: CancellationToken,
    ) -> Self {
        let tasks = Arc::new(Tasks::new(stop));
        let assignments = Assignments::new(ledger.clone(), registry.clone(), catalogue.clone());
        let installer = Installer::new(config, registry.clone(), catalogue.clone());
        let reconciler = Reconciler::new(reconciler::Means {
            ledger,
            registry: registry.clone(),
            catalogue: catalogue.clone(),
            assignments: assignments.clone(),
            installer: installer.clone(),
            tasks: tasks.clone(),
        });
        let reservations = Reservations::default();
        Self(Arc::new(Inner { registry, catalogue, reservations, assignments, installer, reconciler, tasks }))
    }

    /// Gives up what is under way. What is assigned is brought in the daemon's next life, what was pushed is
    /// to be pushed again.
    pub(crate) async fn stop(&self) {
        self.0.tasks.stop().await;
    }

    /// Reserves the right to change a module, and a file where there is one: `doing` says what to, and on which minions.
    pub(crate) fn reserve(
        &self,
        name: &ModuleName,
        digest: Option<Digest>,
        operator: &OperatorName,
        doing: (&'static str, &[MinionName]),
    ) -> Result<Reservation, Refusal> {
        self.0.reservations.reserve(name, digest, operator, doing)
    }

    /// The operator who is changing a module, and on which minions; `None` where nobody is.
    pub(crate) fn changer(&self, name: &ModuleName) -> Option<(OperatorName, Vec<MinionName>)> {
        self.0.reservations.changer(name)
    }

    /// Calls off the push of a module that is under way.
    pub(crate) fn cancel_push(
        &self,
        name: &ModuleName,
        operator: &OperatorName,
    ) -> Result<OngoingChange, Refusal> {
        self.0.reservations.cancel(name, operator)
    }

    /// Takes a module from whoever changes it, whose work ends where it is.
    pub(crate) async fn release(
        &self,
        name: &ModuleName,
        operator: &OperatorName,
    ) -> Result<OngoingChange, Refusal> {
        self.0.reservations.release(name, operator).await
    }

    /// Lets go of what the catalogue need not keep.
    pub(crate) async fn prune(&self) {
        if let Err(error) = self.0.catalogue.prune(|| self.0.reservations.digests()).await {
            tracing::warn!(%error, "cannot tidy up the catalogue");
        }
    }

    /// Records an assignment, and brings the version to the minions that match and are connected.
    pub(crate) async fn assign(
        &self,
        expression: String,
        module: KeptModule,
        asker: Asker,
    ) -> Result<Assigned, Refusal> {
        let assigned = self.0.assignments.assign(expression, module, asker).await?;
        for minion in &assigned.connected {
            self.reconcile(minion).await;
        }
        Ok(assigned)
    }

    /// Takes an assignment back. Gives it with the older ones that hold in its place from then on.
    pub(crate) async fn unassign(
        &self,
        name: &ModuleName,
        expression: &str,
        operator: &OperatorName,
    ) -> Result<(Assignment, Vec<Assignment>), Refusal> {
        let taken_back = self.0.assignments.unassign(name, expression, operator).await?;
        self.prune().await;
        Ok(taken_back)
    }

    /// All assignments, and how they stand.
    pub(crate) async fn assignments(&self) -> Result<Vec<AssignmentStatus>, LedgerError> {
        self.0.assignments.statuses().await
    }

    /// Brings a minion what is assigned to it and not in service there, in the background.
    pub(crate) async fn reconcile(&self, minion: &MinionName) {
        self.0.reconciler.reconcile(minion).await;
    }

    /// Brings a minion what is assigned to it, where other assignments hold for it than when it was looked at last.
    pub(crate) async fn reconcile_if_changed(&self, minion: &MinionName) {
        self.0.reconciler.reconcile_if_changed(minion).await;
    }

    /// Brings a minion what it refused and has made ready by itself since.
    pub(crate) async fn reconcile_what_is_ready(&self, minion: &MinionName) {
        self.0.reconciler.reconcile_what_is_ready(minion).await;
    }

    fn is_connected(&self, minion: &MinionName) -> bool {
        self.0.registry.connection(minion).is_some()
    }

    fn installer(&self) -> &Installer {
        &self.0.installer
    }

    /// What an operator should know who has put this version, or none, into service on a minion.
    async fn warning(&self, minion: &MinionName, name: &ModuleName, now: Option<Digest>) -> Option<String> {
        self.0.assignments.warning(minion, name, now).await
    }

    fn tasks(&self) -> &Tasks {
        &self.0.tasks
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
