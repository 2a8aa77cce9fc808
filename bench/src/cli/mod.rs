//! `overlord bench`

mod call;
mod connect;
mod crash;
mod fanout;
mod ledger;
mod memory;
mod module;
mod push;
mod report;
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
    #[command(alias = "calls")]
    Call(call::CallCommand),
    Fanout(fanout::FanoutCommand),
    Connect(connect::ConnectCommand),
    Ledger(ledger::LedgerCommand),
    Module(module::ModuleCommand),
    Memory(memory::MemoryCommand),
    Push(push::PushCommand),
    Soak(soak::SoakCommand),
    Crash(crash::CrashCommand),
}

impl BenchCommand {
    /// Measures, and shows what came out.
    pub fn run(self, global: &Global) -> Result<Exit, CliError> {
        if global.dir().is_some() {
            return Err(CliError::Usage("`overlord bench` makes a folder of its own: leave --dir out"));
        }
        match self {
            BenchCommand::Call(command) => command.run(),
            BenchCommand::Fanout(command) => command.run(),
            BenchCommand::Connect(command) => command.run(),
            BenchCommand::Ledger(command) => command.run(),
            BenchCommand::Module(command) => command.run(),
            BenchCommand::Memory(command) => command.run(),
            BenchCommand::Push(command) => command.run(),
            BenchCommand::Soak(command) => command.run(),
            BenchCommand::Crash(command) => command.run(),
        }
    }
}

/// What is measured.
#[derive(Debug, Args)]
struct Fleet {
    /// The modules that the minions load, test among them [default: those in the folder modules beside this program, or in
    /// /usr/lib/minion/modules; test alone, where nothing but that is called]
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
