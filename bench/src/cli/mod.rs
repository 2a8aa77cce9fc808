//! `overlord bench`

mod crash;
mod ledger;
mod module;
mod report;
mod soak;
mod swarm;
#[cfg(test)]
mod tables;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use output::{Exit, FullFlag};
use overlord::cli::{CliError, FormatFlag, Global, StopSignals};

use self::report::shown;
use crate::{BenchError, CallOptions, call};

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
    Call(CallCommand),
    Fanout(swarm::FanoutCommand),
    Connect(swarm::ConnectCommand),
    Ledger(ledger::LedgerCommand),
    Module(module::ModuleCommand),
    Memory(swarm::MemoryCommand),
    Push(module::PushCommand),
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
    // As the commands of operators do: one thread has all that is done here.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
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

/// Measure how fast calls are, beside what their parts take alone in the same run
///
/// A ping goes on to the minions and back, a sync call makes a job of test.ping there, and a durable call has that
/// on disk on both sides first. The floor of a call is what cannot be left out, each measured alone: two bare QUIC
/// echoes, an instance of the guest with the engine alone, and for a durable call a bare write with an fsync on either
/// side. RATIO says how many times as long as those, one after the other, half of the calls took; RATE RATIO how many
/// times as many in a second the slowest of them does alone. Times alone depend on the host.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord bench call
  overlord bench call --calls 10000 --in-flight 1,64 --json
  overlord bench call --value-size 100000")]
pub(crate) struct CallCommand {
    /// How many times each thing is done
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..))]
    calls: u64,
    /// How many minions are called each time
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=500))]
    minions: u16,
    /// How many at once: one number or several, measured one after the other
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_values_t = [1, 8, 64],
          value_parser = clap::value_parser!(u16).range(1..=1000))]
    in_flight: Vec<u16>,
    /// How many bytes of text go to the minions with each call and come back from each, by test.concat; the echoes of the floor
    /// are as much larger then, and no ping is measured
    #[arg(long, value_name = "BYTES", default_value_t = 0, value_parser = clap::value_parser!(u32).range(..=4_000_000))]
    value_size: u32,
    #[command(flatten)]
    fleet: Fleet,
    #[command(flatten)]
    format: FormatFlag,
    #[command(flatten)]
    full: FullFlag,
}

impl CallCommand {
    fn run(self) -> Result<Exit, CliError> {
        let options = CallOptions {
            calls: self.calls,
            minions: self.minions,
            at_once: self.in_flight.into_iter().map(usize::from).collect(),
            value_size: self.value_size as usize,
            modules: self.fleet.modules,
        };
        measured(
            async |signals| call(options, signals.next()).await,
            |report| shown(&report, self.format, self.full),
        )
    }
}
