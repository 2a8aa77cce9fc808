//! What the daemons of a host have in common, be it one minion or a swarm: what replaces their configuration, when it is
//! read again, and when they stop.

use std::path::PathBuf;

use clap::Args;
use output::{Context as _, Failure};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, oneshot};

use crate::config::{Config, ConfigError};
use crate::control::Reload;
use crate::folder::Folder;

/// What the command line of a daemon says in place of its configuration, and when it is to stop.
#[derive(Debug, Args)]
pub(super) struct DaemonFlags {
    /// Load modules from this folder, whatever the configuration says
    #[arg(long, value_name = "DIR")]
    modules: Option<PathBuf>,
    /// Dial this overlord, whatever else names one
    #[arg(long, value_name = "HOST:PORT")]
    pub(super) overlord: Option<String>,
    /// Stop, in good order, when standard input ends: for whoever must leave no orphan behind
    #[arg(long)]
    stop_with_stdin: bool,
}

/// The signals that a daemon listens to.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    /// From now on they are heard, and no longer end the program by themselves.
    pub(super) fn listen() -> Result<Self, Failure> {
        let listen = |kind| signal(kind).context("cannot wait for signals");
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
            hangup: listen(SignalKind::hangup())?,
        })
    }

    /// Waits for a signal to stop, and names it.
    pub(super) async fn stop(&mut self) -> &'static str {
        stop(&mut self.terminate, &mut self.interrupt).await
    }
}

async fn stop(terminate: &mut Signal, interrupt: &mut Signal) -> &'static str {
    tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    }
}

impl DaemonFlags {
    /// The configuration, with what the command line says instead.
    pub(super) fn config(&self, folder: &Folder) -> Result<Config, ConfigError> {
        let mut config = Config::load(&folder.config())?;
        config.modules_dir = self.modules.clone().or(config.modules_dir);
        config.overlord = self.overlord.clone().or(config.overlord);
        Ok(config)
    }

    /// Puts the configuration into force again whenever that is wanted, until there is a reason to stop, which it returns.
    /// A daemon that reads its standard input has done so before this.
    pub(super) async fn until_stopped<Changes: Future<Output = Vec<String>>>(
        &self,
        folder: &Folder,
        signals: Signals,
        mut reloads: Option<mpsc::Receiver<Reload>>,
        reload: impl Fn(Config) -> Changes,
    ) -> &'static str {
        let Signals { mut terminate, mut interrupt, mut hangup } = signals;
        let mut stdin_ends = self.stop_with_stdin.then(stdin_ends);
        loop {
            let asked = tokio::select! {
                signal = stop(&mut terminate, &mut interrupt) => return signal,
                Some(_) = async { Some(stdin_ends.as_mut()?.await) } => return "the end of standard input",
                _ = hangup.recv() => None,
                Some(asked) = async { reloads.as_mut()?.recv().await } => Some(asked),
            };
            tokio::select! {
                told = re_read(self.config(folder), &reload) => {
                    // Whoever asked may have gone; it is in the log.
                    let _ = asked.map(|asked| asked.send(told));
                }
                signal = stop(&mut terminate, &mut interrupt) => return signal,
            }
        }
    }
}

/// Puts a configuration into force that was read again, and logs and says what is new.
async fn re_read<Changes: Future<Output = Vec<String>>>(
    config: Result<Config, ConfigError>,
    reload: impl FnOnce(Config) -> Changes,
) -> Result<Vec<String>, String> {
    let config = match config {
        Ok(config) => config,
        Err(error) => {
            tracing::error!(%error, "the configuration cannot be read again: what was in force stays so");
            return Err(error.to_string());
        }
    };
    let changes = reload(config).await;
    if changes.is_empty() {
        tracing::info!("the configuration was read again and changes nothing");
    }
    for change in &changes {
        tracing::info!(change, "the configuration was read again");
    }
    Ok(changes)
}

/// Ready once standard input is at its end.
fn stdin_ends() -> oneshot::Receiver<()> {
    let (ended, ends) = oneshot::channel();
    machine::thread::at_end_of_stdin(move || {
        // Nobody listens where the minion stops for another reason.
        let _ = ended.send(());
    });
    ends
}
