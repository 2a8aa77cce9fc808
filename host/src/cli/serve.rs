//! `minion serve`.

use std::path::PathBuf;

use clap::Args;
use output::{Context as _, Exit, Failure};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

use wire::message::module::{Module, ModuleState};

use crate::cli::DirFlag;
use crate::config::{Config, ConfigError};
use crate::containment::Containment;
use crate::folder::Folder;
use crate::minion::Minion;

/// Serve the overlord that this host has joined
///
/// On SIGHUP it reads minion.toml again: labels, the access list, signatures and what modules may do take effect at once,
/// and it logs which other keys wait for the next start.
#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Load modules from this folder, whatever the configuration says
    #[arg(long, value_name = "DIR")]
    modules: Option<PathBuf>,
    /// Dial this overlord, whatever the configuration says
    #[arg(long, value_name = "HOST:PORT")]
    overlord: Option<String>,
    /// Stop, in good order, when standard input ends: for whoever must leave no orphan behind
    #[arg(long)]
    stop_with_stdin: bool,
}

impl Serve {
    pub(crate) async fn run(self, dir: &DirFlag) -> Result<Exit, Failure> {
        output::log_to_stderr(LOGGED);
        let folder = dir.folder()?;
        let config = self.config(&folder)?;
        Containment::is_sole_parent();

        // Listened for before the start, which may take a while: a signal during it is not lost.
        let mut terminate = signal(SignalKind::terminate()).context("cannot wait for signals")?;
        let mut interrupt = signal(SignalKind::interrupt()).context("cannot wait for signals")?;
        let mut hangup = signal(SignalKind::hangup()).context("cannot wait for signals")?;
        let mut stdin_ends = self.stop_with_stdin.then(stdin_ends);
        let minion = tokio::select! {
            minion = Minion::start(&folder, config) => minion?,
            // Nothing runs yet that would have to be stopped.
            _ = terminate.recv() => return Ok(Exit::Ok),
            _ = interrupt.recv() => return Ok(Exit::Ok),
        };
        say_that_it_is_up(&minion);

        let mut reloads = minion.reloads();
        let reason = loop {
            let asked = tokio::select! {
                _ = terminate.recv() => break "SIGTERM",
                _ = interrupt.recv() => break "SIGINT",
                Some(_) = async { Some(stdin_ends.as_mut()?.await) } => break "the end of standard input",
                _ = hangup.recv() => None,
                Some(asked) = async { reloads.as_mut()?.recv().await } => Some(asked),
            };
            tokio::select! {
                told = re_read(self.config(&folder), |config| minion.reload(config)) => {
                    // Whoever asked may have gone; it is in the log.
                    let _ = asked.map(|asked| asked.send(told));
                }
                _ = terminate.recv() => break "SIGTERM",
                _ = interrupt.recv() => break "SIGINT",
            }
        };
        tracing::info!(reason, "stopping");
        minion.stop().await;
        Ok(Exit::Ok)
    }

    /// The configuration, with what the command line says instead.
    fn config(&self, folder: &Folder) -> Result<Config, ConfigError> {
        let mut config = Config::load(&folder.config())?;
        config.modules_dir = self.modules.clone().or(config.modules_dir);
        config.overlord = self.overlord.clone().or(config.overlord);
        Ok(config)
    }
}

/// Puts a configuration into force that was read again, and logs and says what is new.
pub(super) async fn re_read<Changes: Future<Output = Vec<String>>>(
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

/// One line that whoever started the minion can wait for.
fn say_that_it_is_up(minion: &Minion) {
    let removed = |module: &Module| matches!(module.state, ModuleState::Retired | ModuleState::Draining);
    let count = minion.modules().list().iter().filter(|module| !removed(module)).count();
    let modules = if count == 1 { "1 module".to_owned() } else { format!("{count} modules") };
    // Whoever reads it may be gone; that is no reason to stop.
    let _ =
        output::print(format_args!("minion {}: {modules}, overlord {}", minion.name(), minion.overlord()));
}

/// Ready once standard input is at its end.
pub(super) fn stdin_ends() -> oneshot::Receiver<()> {
    let (ended, ends) = oneshot::channel();
    machine::thread::at_end_of_stdin(move || {
        // Nobody listens where the minion stops for another reason.
        let _ = ended.send(());
    });
    ends
}

/// What is logged where RUST_LOG says nothing. What these two warn of, guests bring about as often as they like, and
/// are told of themselves: a host that they cannot reach, a function that is not there.
const LOGGED: &str = "warn,minion_host=info,wasmtime_wasi=error,wasmtime_wasi_http=error";
