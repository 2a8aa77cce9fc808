//! A push: every target is made ready first, and only then is the version put into service.

use std::sync::Arc;
use std::time::Duration;

use wire::digest::Digest;
use wire::message::catalogue::{Became, KeptModule, ModuleResult, PushOptions, UnlessAll};
use wire::message::link::{ModuleAnswer, ModuleCommand};
use wire::name::{MinionName, OperatorName};

use super::asker::Asker;
use super::change::{Change, Following};
use super::installer::{Again, NoAnswer};
use super::reservation::Reservation;
use super::staging::{NotStaged, stage_of};
use super::{Rollout, on_each};
use crate::keyed_lock::KeyedGuard;

/// A push under way. Clones share it.
#[derive(Clone)]
struct Push {
    rollout: Rollout,
    change: Arc<Change>,
    module: Arc<KeptModule>,
    options: PushOptions,
    asker: Arc<Asker>,
}

/// A minion that is ready, and on which nobody else changes the module.
struct Ready {
    minion: MinionName,
    version: Option<String>,
    before: Option<Digest>,
    _locked: KeyedGuard,
}

impl Rollout {
    /// Pushes a version that is in the catalogue. It goes on whether or not anybody follows it.
    pub(crate) fn push(
        &self,
        reservation: Reservation,
        module: KeptModule,
        targets: Vec<MinionName>,
        options: PushOptions,
        asker: Asker,
    ) -> Following {
        let change = Arc::new(Change::new(reservation, &targets));
        let following = change.follow();
        let (name, digest, minions) = (&module.name, module.digest.short(), targets.len());
        let version = module.version.as_deref().unwrap_or("-");
        tracing::info!(operator = %asker.operator, module = %name, version, digest, minions, "push begins");
        let push =
            Push { rollout: self.clone(), change, module: Arc::new(module), options, asker: Arc::new(asker) };
        self.tasks().spawn(async move {
            tokio::select! {
                () = push.run(targets) => {}
                by = push.change.reservation().released() => push.change.give_up(&by),
            }
            push.change.conclude("push", &push.module.name);
            let rollout = push.rollout.clone();
            // The reservation ends here, and with it what keeps the file for this push.
            drop(push);
            rollout.prune().await;
        });
        following
    }
}

impl Push {
    async fn run(&self, targets: Vec<MinionName>) {
        let connected = |minion: &MinionName| self.rollout.is_connected(minion);
        let (present, absent): (Vec<_>, Vec<_>) = targets.into_iter().partition(connected);
        let partial = self.options.unless_all == UnlessAll::Partial;
        for minion in &absent {
            self.end(minion, Became::NotConnected, self.absent());
        }
        if !partial && let Some(first) = absent.first() {
            for minion in &present {
                self.end(
                    minion,
                    Became::NotSent,
                    format!("{} is not connected", with_others(first, &absent)),
                );
            }
            return;
        }
        let tried = present.len();
        let ready: Vec<Option<Ready>> = on_each(present, |minion| self.clone().stage(minion)).await;
        let ready: Vec<Ready> = ready.into_iter().flatten().collect();
        // From here on the push cannot be called off; perhaps somebody did so before.
        let off = self.change.reservation().settle().err();
        if let Some(by) = off {
            on_each(ready, |one| self.clone().discard(one, called_off(&by))).await;
        } else if ready.len() == tried || partial {
            on_each(ready, |one| self.clone().activate(one)).await;
        } else {
            on_each(ready, |one| self.clone().discard(one, "others did not stage it".to_owned())).await;
        }
    }

    /// What to do about a minion that is not connected.
    fn absent(&self) -> String {
        match self.options.unless_all {
            UnlessAll::Partial => LATER.to_owned(),
            UnlessAll::Nowhere => format!("use --partial to leave it out, or {LATER}"),
        }
    }

    /// Makes a minion ready, or says why it is not.
    async fn stage(self, minion: MinionName) -> Option<Ready> {
        let reservation = self.change.reservation();
        let locked = tokio::select! {
            locked = self.rollout.installer().lock(&minion, &self.module.name) => locked,
            by = reservation.cancelled() => {
                self.end(&minion, Became::NotSent, called_off(&by));
                return None;
            }
        };
        let before = self.rollout.installer().in_service(&minion, &self.module.name);
        let stage = stage_of(&self.module, self.options.downgrade);
        let told = |step| self.change.step(&minion, step);
        let staged = tokio::select! {
            staged = self.rollout.installer().stage(&minion, &self.asker, &stage, told) => staged,
            by = reservation.cancelled() => {
                if before != Some(self.module.digest) {
                    // The minion may have part of the file by now, or all of it and be compiling: it is told to forget
                    // the version even so.
                    self.forget(&minion).await;
                }
                self.end(&minion, Became::Failed, format!("was not ready when {}", called_off(&by)));
                return None;
            }
        };
        match staged {
            Ok(module) => {
                self.change.ready(&minion, true);
                let version = module.version.or_else(|| self.module.version.clone());
                return Some(Ready { minion, version, before, _locked: locked });
            }
            Err(NotStaged::NotConnected) => self.end(&minion, Became::NotConnected, self.absent()),
            Err(NotStaged::Refused(why)) => self.end(&minion, Became::Failed, why),
            Err(NotStaged::Lost(why)) => {
                self.end(&minion, Became::Failed, format!("{why}; it did not come back in time"));
            }
            Err(NotStaged::Late(time)) => {
                let time = humantime::format_duration(time);
                self.end(&minion, Became::Failed, format!("was not ready within {time} (staging)"));
            }
        }
        None
    }

    /// Puts the version into service on a minion that is ready.
    async fn activate(self, ready: Ready) {
        let Ready { minion, version, before, _locked } = ready;
        self.change.ready(&minion, false);
        let (name, digest) = (self.module.name.clone(), self.module.digest);
        let answer = self
            .rollout
            .installer()
            .command(&minion, &self.asker, ModuleCommand::Activate { name, digest }, Again::Yes)
            .await;
        let (became, before, reason) = match answer {
            Ok(ModuleAnswer::Done { before: said, now, .. }) if now == Some(digest) => {
                // An answer that came at the second attempt says the first one's version was before.
                let before = said.filter(|said| *said != digest).or(before);
                (Became::Active, before, self.rollout.warning(&minion, &self.module.name, Some(digest)).await)
            }
            Ok(ModuleAnswer::Done { now, .. }) => {
                let now = now.map_or_else(|| "nothing".to_owned(), |now| now.short());
                (Became::Failed, before, Some(format!("has {now} in service")))
            }
            Ok(ModuleAnswer::Refused(why)) => (Became::Failed, before, Some(why)),
            Err(NoAnswer::NotConnected) => {
                (Became::Failed, before, Some("staged it, and was gone before it was activated".to_owned()))
            }
            Err(NoAnswer::Lost(why)) => (
                Became::Unknown,
                before,
                Some(format!(
                    "{why}; it may be in service: look with `overlord module show {}`",
                    self.module.name
                )),
            ),
        };
        let now = if became == Became::Active { Some(digest) } else { None };
        self.change.end(ModuleResult { minion, became, version, before, now, reason });
    }

    /// Lets a minion forget the version for which it is ready, and that is not put into service for this reason.
    async fn discard(self, ready: Ready, mut reason: String) {
        let Ready { minion, version, before, _locked } = ready;
        // A minion that had this version in service before the push keeps it.
        if before != Some(self.module.digest) && !self.forget(&minion).await {
            reason.push_str("; it is gone meanwhile");
        }
        let reason = Some(reason);
        self.change.end(ModuleResult {
            minion,
            became: Became::Staged,
            version,
            before,
            now: before,
            reason,
        });
    }

    /// Asks a minion to forget the version; gives whether it has answered.
    async fn forget(&self, minion: &MinionName) -> bool {
        let (name, digest) = (self.module.name.clone(), self.module.digest);
        let command = ModuleCommand::Discard { name, digest };
        let asked = self.rollout.installer().command(minion, &self.asker, command, Again::Yes);
        match tokio::time::timeout(FORGET, asked).await {
            Ok(Ok(ModuleAnswer::Done { .. })) => true,
            Ok(Ok(ModuleAnswer::Refused(why))) => {
                tracing::info!(%minion, why, "keeps what it staged");
                true
            }
            Ok(Err(NoAnswer::NotConnected | NoAnswer::Lost(_))) | Err(_) => false,
        }
    }

    /// Ends a minion that never became ready.
    fn end(&self, minion: &MinionName, became: Became, reason: String) {
        let before = self.rollout.installer().in_service(minion, &self.module.name);
        self.change.end(ModuleResult {
            minion: minion.clone(),
            became,
            version: self.module.version.clone(),
            before,
            now: before,
            reason: Some(reason),
        });
    }
}

/// One minion, and how many there are besides.
fn with_others(first: &MinionName, all: &[MinionName]) -> String {
    match all.len() {
        0 | 1 => first.to_string(),
        more => format!("{first} (and {} more)", more - 1),
    }
}

fn called_off(by: &OperatorName) -> String {
    format!("the push was called off by {by}")
}

/// How long a minion may take to forget a version: it is only told, and what it does not hear it drops in time.
const FORGET: Duration = Duration::from_secs(10);

/// What else to do about a minion that is not connected.
const LATER: &str = "`overlord module assign` brings it later";
