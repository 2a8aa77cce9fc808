//! Bringing minions what is assigned to them, when they connect and when it changes.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use ledger::{Attempt, LedgerError, OverlordLedger};
use machine::clock::now_ms;
use machine::lock;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use wire::digest::Digest;
use wire::message::catalogue::Assignment;
use wire::message::link::{ModuleAnswer, ModuleCommand};
use wire::message::module::ModuleState;
use wire::name::{MinionName, ModuleName};

use super::asker::Asker;
use super::assignments::Assignments;
use super::installer::{Again, Installer};
use super::staging::{NotStaged, stage_of};
use crate::catalogue::Catalogue;
use crate::registry::Registry;
use crate::tasks::Tasks;

/// Versions that minions refused.
type RefusedVersions = HashSet<(MinionName, ModuleName, Digest)>;

/// Which assignments hold for a minion, by their places.
type Wanted = Vec<(ModuleName, u64)>;

/// Brings minions what is assigned to them. A cheap handle.
#[derive(Clone)]
pub(super) struct Reconciler(Arc<Inner>);

struct Inner {
    means: Means,
    /// As many minions as are brought something at once.
    permits: Semaphore,
    /// What each minion was to have when it was looked at last. No more minions than are enrolled.
    looked_at: Mutex<HashMap<MinionName, Wanted>>,
    /// What minions refused that is assigned to them, once for each name: tried again once they have it ready.
    refused: Mutex<RefusedVersions>,
    /// The minions that were too slow to take what is assigned to them, and since when.
    slow: Mutex<HashMap<MinionName, Instant>>,
}

/// The parts of the daemon that reconciling uses.
pub(super) struct Means {
    pub(super) ledger: OverlordLedger,
    pub(super) registry: Registry,
    pub(super) catalogue: Catalogue,
    pub(super) assignments: Assignments,
    pub(super) installer: Installer,
    pub(super) tasks: Arc<Tasks>,
}

impl Reconciler {
    pub(super) fn new(means: Means) -> Self {
        let permits = Semaphore::new(RECONCILERS);
        let (looked_at, refused, slow) = (Mutex::default(), Mutex::default(), Mutex::default());
        Self(Arc::new(Inner { means, permits, looked_at, refused, slow }))
    }

    /// Brings a minion what is assigned to it and not in service there, in the background.
    ///
    /// A minion that is lost on the way gets it when it is back.
    pub(super) async fn reconcile(&self, minion: &MinionName) {
        if let Some(wanted) = self.look(minion).await {
            self.note(minion, &wanted);
            self.spawn_reconcile(minion, wanted);
        }
    }

    /// Like [`Reconciler::reconcile`], where other assignments hold for the minion than before.
    pub(super) async fn reconcile_if_changed(&self, minion: &MinionName) {
        if let Some(wanted) = self.look(minion).await
            && self.note(minion, &wanted)
        {
            self.spawn_reconcile(minion, wanted);
        }
    }

    /// Brings a minion what it refused and has made ready by itself since: it was granted what that lacked.
    pub(super) async fn reconcile_what_is_ready(&self, minion: &MinionName) {
        let ready: Vec<(ModuleName, Digest)> = {
            let refused = self.refused();
            let of_it = refused
                .iter()
                .filter(|(by, name, digest)| by == minion && self.is_staged(minion, name, digest));
            of_it.map(|(_, name, digest)| (name.clone(), *digest)).collect()
        };
        if ready.is_empty() {
            return;
        }
        self.refused().retain(|(by, name, _)| by != minion || ready.iter().all(|(ready, _)| ready != name));
        match self.0.means.assignments.wanted(minion).await {
            Ok(wanted) => {
                let is_ready = |one: &Assignment| {
                    ready.iter().any(|(name, digest)| (name, digest) == (&one.name, &one.digest))
                };
                let wanted = wanted.into_values().filter(is_ready).map(|one| (one.name, one.place));
                self.spawn_reconcile(minion, wanted.collect());
            }
            Err(error) => tracing::warn!(%minion, %error, "cannot tell what is assigned to it"),
        }
    }

    fn is_staged(&self, minion: &MinionName, name: &ModuleName, digest: &Digest) -> bool {
        let staged = self.0.means.registry.with_module(minion, name.as_str(), |module| {
            let mut versions = module.into_iter().flat_map(|module| &module.versions);
            versions.any(|version| version.digest == *digest && version.state == ModuleState::Staged)
        });
        staged.unwrap_or(false)
    }

    /// What minions do not take that is assigned to them, as far as it was tried since the start.
    fn refused(&self) -> MutexGuard<'_, RefusedVersions> {
        lock::hold(&self.0.refused)
    }

    async fn look(&self, minion: &MinionName) -> Option<Wanted> {
        match self.0.means.assignments.wanted(minion).await {
            Ok(wanted) => Some(wanted.into_values().map(|one| (one.name, one.place)).collect()),
            Err(error) => {
                tracing::warn!(%minion, %error, "cannot tell what is assigned to it");
                None
            }
        }
    }

    /// Notes what holds for a minion, and says whether that is new. Keeps nothing of minions that are not enrolled any
    /// more, and no refusal of what is not assigned any more.
    fn note(&self, minion: &MinionName, wanted: &Wanted) -> bool {
        let enrolled = self.0.means.registry.roster();
        let is_enrolled = |minion: &MinionName| enrolled.names().binary_search(minion).is_ok();
        let is_wanted = |name: &ModuleName| wanted.iter().any(|(wanted, _)| wanted == name);
        let is_kept =
            |by: &MinionName, name: &ModuleName| if by == minion { is_wanted(name) } else { is_enrolled(by) };
        self.refused().retain(|(by, name, _)| is_kept(by, name));
        let mut all = lock::hold(&self.0.looked_at);
        let is_new = if wanted.is_empty() {
            all.remove(minion).is_some()
        } else {
            all.insert(minion.clone(), wanted.clone()).as_ref() != Some(wanted)
        };
        if all.len() > enrolled.names().len() {
            all.retain(|minion, _| is_enrolled(minion));
        }
        is_new
    }

    fn spawn_reconcile(&self, minion: &MinionName, wanted: Wanted) {
        if wanted.is_empty() {
            return;
        }
        let (reconciler, minion) = (self.clone(), minion.clone());
        self.0.means.tasks.spawn(async move {
            for (name, place) in wanted {
                if let Err(error) = reconciler.bring(&minion, &name, place).await {
                    tracing::warn!(%minion, module = %name, %error, "cannot bring what is assigned");
                }
            }
        });
    }

    /// Brings one version, unless it is in service there, has failed there, or is not wanted any more.
    async fn bring(&self, minion: &MinionName, name: &ModuleName, place: u64) -> Result<(), LedgerError> {
        if self.slow().get(minion).is_some_and(|since| since.elapsed() < SLOW) {
            // The minion held one of the permits for as long as staging may take: now it is the others' turn.
            tracing::info!(%minion, module = %name, "was too slow a while ago, and is not brought what is assigned now");
            return Ok(());
        }
        // The lock first: a push may hold it for long, and a permit taken before would keep others waiting meanwhile.
        let _locked = self.0.means.installer.lock(minion, name).await;
        let _permit = self.0.permits.acquire().await;
        let Some(wanted) = self
            .0
            .means
            .assignments
            .wanted(minion)
            .await?
            .remove(name)
            .filter(|wanted| wanted.place == place)
        else {
            return Ok(());
        };
        let before =
            self.0.means.ledger.attempt(minion, name).await?.filter(|attempt| attempt.place == place);
        self.refused().retain(|(by, refused, _)| by != minion || refused != name);
        let was_ready = self.is_staged(minion, name, &wanted.digest);
        let failure = if self.0.means.installer.in_service(minion, name) == Some(wanted.digest) {
            None
        } else if let (Some(before), Some(why)) = (&before, self.failed_there(minion, &wanted)) {
            // It is not tried again. Where it was in service, the minion went back by itself.
            tracing::debug!(%minion, module = %name, "what is assigned has failed there before");
            self.refused().insert((minion.clone(), name.clone(), wanted.digest));
            before.failure.clone().or(Some(why))
        } else {
            match self.bring_now(minion, &wanted).await? {
                Some(outcome) => outcome.err(),
                None => return Ok(()),
            }
        };
        // The minion's owner may have granted what was missing at this moment; the version is then brought once this
        // lock is free. A version that was ready before and is refused all the same is not brought again and again.
        if !was_ready {
            self.reconcile_what_is_ready(minion).await;
        }
        if before.is_some_and(|before| before.failure == failure) {
            return Ok(());
        }
        self.0.means.ledger.attempted(minion, name, Attempt { place, at: now_ms(), failure }).await
    }

    /// Stages and activates; `None` where the minion was lost.
    async fn bring_now(
        &self,
        minion: &MinionName,
        wanted: &Assignment,
    ) -> Result<Option<Result<(), String>>, LedgerError> {
        let Assignment { name, digest, expression, assigned_by, .. } = wanted;
        let version = wanted.version.as_deref().unwrap_or("-");
        let Some(module) = self.0.means.catalogue.get(name, digest).await? else {
            return Ok(Some(Err("its file is not in the catalogue any more: push it again".to_owned())));
        };
        tracing::info!(%minion, module = %name, version, digest = digest.short(), expression, "bringing what is assigned");
        let mandate = self.0.means.ledger.assignment_mandate(wanted).await?.map(Box::new);
        let asker = Asker { operator: assigned_by.clone(), mandate };
        // Whoever assigned this version knew what it is.
        let staged = self.0.means.installer.stage(minion, &asker, &stage_of(&module, true), |_| {}).await;
        let activated = match staged {
            Ok(_) => {
                let request = ModuleCommand::Activate { name: name.clone(), digest: *digest };
                self.0.means.installer.command(minion, &asker, request, Again::Yes).await.ok()
            }
            Err(NotStaged::Refused(why)) => {
                self.refused().insert((minion.clone(), name.clone(), *digest));
                Some(ModuleAnswer::Refused(why))
            }
            Err(NotStaged::Late(time)) => {
                self.slow().insert(minion.clone(), Instant::now());
                let time = humantime::format_duration(time);
                return Ok(Some(Err(format!("was not ready within {time} (staging)"))));
            }
            Err(NotStaged::NotConnected | NotStaged::Lost(_)) => None,
        };
        Ok(match activated {
            Some(ModuleAnswer::Done { now, .. }) if now == Some(*digest) => {
                tracing::info!(%minion, module = %name, version, "what is assigned is in service");
                Some(Ok(()))
            }
            Some(ModuleAnswer::Done { .. }) => {
                Some(Err("activated, and another version is in service".to_owned()))
            }
            Some(ModuleAnswer::Refused(why)) => {
                tracing::warn!(%minion, module = %name, version, why, "what is assigned is refused");
                Some(Err(format!("refused: {why}")))
            }
            None => {
                tracing::info!(%minion, module = %name, version, "lost while it was brought what is assigned");
                None
            }
        })
    }

    fn slow(&self) -> MutexGuard<'_, HashMap<MinionName, Instant>> {
        let mut slow = lock::hold(&self.0.slow);
        slow.retain(|_, since| since.elapsed() < SLOW);
        slow
    }

    /// Why this version has failed on a minion, where the minion says so.
    fn failed_there(&self, minion: &MinionName, wanted: &Assignment) -> Option<String> {
        let failed = self.0.means.registry.with_module(minion, wanted.name.as_str(), |module| {
            let module = module?;
            let itself = (&module.digest, &module.state);
            let versions = module.versions.iter().map(|version| (&version.digest, &version.state));
            versions.chain([itself]).find_map(|(digest, state)| match state {
                ModuleState::Failed(why) if *digest == wanted.digest => Some(format!("failed: it {why}")),
                _ => None,
            })
        });
        failed.flatten()
    }
}

/// How many minions are brought what is assigned to them at once.
const RECONCILERS: usize = 8;

/// How long a minion that was too slow for what is assigned to it is not brought anything.
const SLOW: Duration = Duration::from_secs(3600);

#[cfg(test)]
mod tests {
    use super::super::fixture::{Fixture, minion, module};
    use super::*;

    #[tokio::test]
    async fn minions_that_a_push_holds_do_not_hold_up_what_is_assigned_to_others() {
        let held: Vec<MinionName> = (0..RECONCILERS).map(|n| minion(&format!("held{n}"))).collect();
        let (free, mut all) = (minion("free"), held.clone());
        all.push(free.clone());
        let fixture = Fixture::with(&all, "one").await;
        let place = fixture.assign("*", "one").await.place;
        let mut locked = Vec::new();
        for minion in &held {
            locked.push(fixture.rollout.installer().lock(minion, &module()).await);
            fixture.rollout.reconcile(minion).await;
        }
        fixture.rollout.reconcile(&free).await;
        let brought = async {
            while fixture.ledger.attempt(&free, &module()).await.expect("reads").is_none() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), brought).await.expect("it is held up");
        let attempt = fixture.ledger.attempt(&free, &module()).await.expect("reads").expect("looked at");
        assert_eq!((attempt.place, attempt.failure), (place, None));
        drop(locked);
    }

    #[tokio::test]
    async fn nothing_is_kept_of_minions_that_are_gone_and_of_what_is_not_assigned_any_more() {
        let here = minion("here");
        let fixture = Fixture::with(std::slice::from_ref(&here), "one").await;
        let reconciler = &fixture.rollout.0.reconciler;
        let refuse = |by: &MinionName| {
            reconciler.note(by, &vec![(module(), 1)]);
            reconciler.refused().insert((by.clone(), module(), Digest::of(b"one")));
        };
        (0..100).for_each(|n| refuse(&minion(&format!("gone{n}"))));
        refuse(&here);
        let looked_at = || reconciler.0.looked_at.lock().expect("whole").keys().cloned().collect::<Vec<_>>();
        reconciler.note(&here, &vec![(module(), 2)]);
        assert_eq!(looked_at(), std::slice::from_ref(&here));
        assert_eq!(reconciler.refused().len(), 1, "its own, which is still assigned");
        reconciler.note(&here, &Vec::new());
        assert!(looked_at().is_empty() && reconciler.refused().is_empty());
    }
}
