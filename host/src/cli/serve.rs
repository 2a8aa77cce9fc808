//! `minion serve`.

use clap::Args;
use output::{Exit, Failure};

use wire::message::module::{Module, ModuleState};

use crate::cli::DirFlag;
use crate::cli::daemon::{DaemonFlags, Signals};
use crate::containment::Containment;
use crate::minion::Minion;

/// Serve the overlord that this host has joined
///
/// On SIGHUP it reads minion.toml again: labels, the access list, signatures and what modules may do take effect at once,
/// and it logs which other keys wait for the next start.
#[derive(Debug, Args)]
pub(crate) struct Serve {
    #[command(flatten)]
    daemon: DaemonFlags,
}

impl Serve {
    pub(crate) async fn run(self, dir: &DirFlag) -> Result<Exit, Failure> {
        output::log_to_stderr(LOGGED);
        let folder = dir.folder()?;
        let config = self.daemon.config(&folder)?;
        Containment::is_sole_parent();

        // Listened for before the start, which may take a while: a signal during it is not lost.
        let mut signals = Signals::listen()?;
        let minion = tokio::select! {
            minion = Minion::start(&folder, config) => minion?,
            // Nothing runs yet that would have to be stopped.
            _ = signals.stop() => return Ok(Exit::Ok),
        };
        say_that_it_is_up(&minion);
        let reload = |config| minion.reload(config);
        let reason = self.daemon.until_stopped(&folder, signals, minion.reloads(), reload).await;
        tracing::info!(reason, "stopping");
        minion.stop().await;
        Ok(Exit::Ok)
    }
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

/// What is logged where RUST_LOG says nothing. What these two warn of, guests bring about as often as they like, and
/// are told of themselves: a host that they cannot reach, a function that is not there.
const LOGGED: &str = "warn,minion_host=info,wasmtime_wasi=error,wasmtime_wasi_http=error";
