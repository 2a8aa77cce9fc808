//! Changing a module on one minion.

use std::sync::Arc;
use std::time::Duration;

use quinn::Connection;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until, timeout};
use wire::digest::Digest;
use wire::message::catalogue::RolloutStep;
use wire::message::link::{MAX_MESSAGE, MinionRequest, ModuleAnswer, ModuleCommand, Stage};
use wire::message::module::Module;
use wire::message::version::Version;
use wire::name::{MinionName, ModuleName};
use wire::transport::frame::{self, FrameError};

use super::asker::Asker;
use super::staging::{Means, NotStaged, StagingRun};
use crate::catalogue::Catalogue;
use crate::config_in_force::ConfigInForce;
use crate::keyed_lock::{KeyedGuard, KeyedLocks};
use crate::registry::Registry;

/// Whether a request may be sent again when its answer was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Again {
    /// It may: twice is as good as once.
    Yes,
    /// It may not.
    No,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NoAnswer {
    /// Nothing was sent: it provably did not happen.
    NotConnected,
    /// It may have happened; why nobody knows.
    Lost(String),
}

/// What an exchange came to.
enum Exchange {
    Answered(ModuleAnswer),
    NotSent,
    Broken(FrameError),
    Silent,
}

/// Changes modules on minions, one at a time. A cheap handle.
#[derive(Clone)]
pub(super) struct Installer(Arc<Inner>);

struct Inner {
    config: ConfigInForce,
    registry: Registry,
    catalogue: Catalogue,
    senders: Semaphore,
    /// One thing at a time happens to one module on one minion.
    locks: KeyedLocks<(MinionName, ModuleName)>,
}

impl Installer {
    pub(super) fn new(config: ConfigInForce, registry: Registry, catalogue: Catalogue) -> Self {
        let (senders, locks) = (Semaphore::new(SENDERS), KeyedLocks::default());
        Self(Arc::new(Inner { config, registry, catalogue, senders, locks }))
    }

    /// Locks a module on a minion, once nobody else changes it there.
    pub(super) async fn lock(&self, minion: &MinionName, name: &ModuleName) -> KeyedGuard {
        self.0.locks.lock((minion.clone(), name.clone())).await
    }

    /// The digest that a minion has in service under a name, as it last said.
    pub(super) fn in_service(&self, minion: &MinionName, name: &ModuleName) -> Option<Digest> {
        self.0.registry.in_service(minion, name)
    }

    /// Makes a minion ready for a version, in the name of an operator; `told` hears how far it is.
    pub(super) async fn stage(
        &self,
        minion: &MinionName,
        asker: &Asker,
        stage: &Stage,
        told: impl Fn(RolloutStep),
    ) -> Result<Module, NotStaged> {
        let Inner { config, registry, catalogue, senders, .. } = &*self.0;
        let config = &config.current();
        let means = Means { config, registry, catalogue, senders };
        StagingRun::new(means, minion, asker, stage, told).run().await
    }

    /// Asks a minion for a change that needs no bytes; once more after every break of the connection, where that does no harm, for as long as
    /// a delivery may take.
    pub(super) async fn command(
        &self,
        minion: &MinionName,
        asker: &Asker,
        command: ModuleCommand,
        again: Again,
    ) -> Result<ModuleAnswer, NoAnswer> {
        let mut link = self.0.registry.follow(minion).ok_or(NoAnswer::NotConnected)?;
        let until = Instant::now() + self.0.config.current().delivery;
        let (mut lost, silence) = (NoAnswer::NotConnected, self.silence(&command));
        let Asker { operator, mandate } = asker.clone();
        let request = MinionRequest::Modules { operator, command: command.clone(), mandate };
        loop {
            let connection = link.borrow_and_update().clone();
            if let Some(connection) = connection {
                let why = match exchange(&connection, &request, silence).await {
                    Exchange::Answered(answer) => {
                        self.await_notice(minion, &command, &answer).await;
                        return Ok(answer);
                    }
                    Exchange::NotSent => None,
                    Exchange::Broken(error) => Some(error.to_string()),
                    Exchange::Silent => {
                        Some(format!("no answer for {}", humantime::format_duration(silence)))
                    }
                };
                if let Some(why) = why {
                    tracing::info!(%minion, why, "a change of a module is without its answer");
                    lost = NoAnswer::Lost(why);
                    if again == Again::No {
                        return Err(lost);
                    }
                }
            } else if again == Again::No {
                return Err(lost);
            }
            if Instant::now() >= until {
                return Err(lost);
            }
            tokio::select! {
                changed = link.changed() => if changed.is_err() {
                    return Err(lost);
                },
                () = sleep_until(until.min(Instant::now() + PAUSE)) => {}
            }
        }
    }

    /// How long a minion may take to answer while it is connected.
    fn silence(&self, command: &ModuleCommand) -> Duration {
        match command {
            // A version that is kept may be compiled anew.
            ModuleCommand::Activate { .. } | ModuleCommand::Rollback(_) => self.0.config.current().staging,
            _ => SILENCE.min(self.0.config.current().staging),
        }
    }

    /// Waits until calls find what the answer says is in service. A minion that does not say so is not waited for
    /// long: a newer change may have come in between.
    async fn await_notice(&self, minion: &MinionName, command: &ModuleCommand, answer: &ModuleAnswer) {
        let (ModuleCommand::Activate { name, .. }
        | ModuleCommand::Rollback(name)
        | ModuleCommand::Remove(name)) = command
        else {
            return;
        };
        if let ModuleAnswer::Done { now, .. } = answer {
            let noticed = self.0.registry.await_in_service(minion, name, *now);
            if timeout(NOTICE, noticed).await.is_err() {
                tracing::debug!(%minion, module = %name, "no notice of the change came");
            }
        }
    }
}

async fn exchange(connection: &Connection, request: &MinionRequest, silence: Duration) -> Exchange {
    let Ok((mut send, mut receive)) = connection.open_bi().await else { return Exchange::NotSent };
    let exchange = async {
        let version = Version::of(connection);
        frame::write_as(version, &mut send, request, MAX_MESSAGE).await?;
        frame::read_as(version, &mut receive, MAX_MESSAGE).await
    };
    match timeout(silence, exchange).await {
        Ok(Ok(answer)) => Exchange::Answered(answer),
        Ok(Err(error)) => Exchange::Broken(error),
        Err(_) => Exchange::Silent,
    }
}

/// How long a minion may take to answer that has nothing to compile.
const SILENCE: Duration = Duration::from_secs(120);

/// How long the notice of a change may take that the minion said is made.
const NOTICE: Duration = Duration::from_secs(5);

/// How soon a connection that lives on but fails us is asked again.
const PAUSE: Duration = Duration::from_secs(1);

/// How many minions are sent bytes at once.
const SENDERS: usize = 12;
