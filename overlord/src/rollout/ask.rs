//! Asking one minion for a change that needs no bytes.

use std::time::Duration;

use quinn::Connection;
use tokio::time::{Instant, sleep_until, timeout};
use wire::message::link::{MAX_MESSAGE, MinionRequest, ModuleAnswer, ModuleCommand};
use wire::name::{MinionName, OperatorName};
use wire::transport::frame::{self, FrameError};

use super::Rollout;

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

impl Rollout {
    /// Asks a minion; once more after every break of the connection, where that does no harm, for as long as
    /// a delivery may take.
    pub(super) async fn ask(
        &self,
        minion: &MinionName,
        operator: &OperatorName,
        command: ModuleCommand,
        again: Again,
    ) -> Result<ModuleAnswer, NoAnswer> {
        let mut link = self.registry().follow(minion).ok_or(NoAnswer::NotConnected)?;
        let until = Instant::now() + self.config().delivery;
        let (mut lost, silence) = (NoAnswer::NotConnected, self.silence(&command));
        let request = MinionRequest::Modules { operator: operator.clone(), command: command.clone() };
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
            ModuleCommand::Activate { .. } | ModuleCommand::Rollback(_) => self.config().staging,
            _ => SILENCE.min(self.config().staging),
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
            let noticed = self.registry().await_in_service(minion, name, *now);
            if timeout(NOTICE, noticed).await.is_err() {
                tracing::debug!(%minion, module = %name, "no notice of the change came");
            }
        }
    }
}

async fn exchange(connection: &Connection, request: &MinionRequest, silence: Duration) -> Exchange {
    let Ok((mut send, mut receive)) = connection.open_bi().await else { return Exchange::NotSent };
    let exchange = async {
        frame::write(&mut send, request, MAX_MESSAGE).await?;
        frame::read(&mut receive, MAX_MESSAGE).await
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
