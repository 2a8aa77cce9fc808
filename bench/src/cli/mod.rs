//! `overlord bench`

mod calls;
mod crash;
mod soak;
#[cfg(test)]
mod tables;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use output::Exit;

use overlord::cli::{CliError, Global, StopSignals};

use crate::BenchError;

/// Measure real daemons on this host
///
/// Each runs an overlord and minions of its own in a throw-away folder, and leaves nothing behind.
#[derive(Debug, Subcommand)]
#[expect(
    missing_docs,
    private_interfaces,
    reason = "each command tells its own, and is only run from outside"
)]
pub enum BenchCommand {
    Soak(soak::SoakCommand),
    Calls(calls::CallsCommand),
    Crash(crash::CrashCommand),
}

impl BenchCommand {
    /// Measures, and shows what came out.
    pub fn run(self, global: &Global) -> Result<Exit, CliError> {
        if global.dir().is_some() {
            return Err(CliError::Usage("`overlord bench` makes a folder of its own: leave --dir out"));
        }
        match self {
            BenchCommand::Soak(command) => command.run(),
            BenchCommand::Calls(command) => command.run(),
            BenchCommand::Crash(command) => command.run(),
        }
    }
}

/// What is measured.
#[derive(Debug, Args)]
struct Fleet {
    /// The modules that the minions load [default: the folder modules beside this program, or
    /// /usr/lib/minion/modules]
    #[arg(long, value_name = "DIR")]
    modules: Option<PathBuf>,
}

/// Measures until that is done or the user has enough of it, and then shows what came out.
fn measured<T>(
    measure: impl AsyncFnOnce(&mut StopSignals) -> Result<Option<T>, BenchError>,
    show: impl FnOnce(T) -> Result<Exit, CliError>,
) -> Result<Exit, CliError> {
    // Both ends of the bare echo live here, and they are not to wait for one another.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let result = runtime.map_err(CliError::Runtime)?.block_on(async {
        let mut signals = StopSignals::listen()?;
        Ok::<_, CliError>(measure(&mut signals).await?)
    });
    match result? {
        Some(result) => show(result),
        None => Ok(Exit::Interrupted),
    }
}

/// Bytes as people read them.
fn mebibytes(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}
