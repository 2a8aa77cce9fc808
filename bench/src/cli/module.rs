//! How a module comes into service: `overlord bench module` and `overlord bench push`.

use std::path::PathBuf;

use clap::Args;
use output::{Exit, FullFlag};
use overlord::cli::{CliError, FormatFlag};

use super::report::shown;
use super::{Fleet, measured};
use crate::{ModuleOptions, PushOptions, module, push};

/// Measure how long a module takes to be compiled, loaded from the cache and run, beside the engine alone
///
/// A job is what a minion's sandbox does for a call: an instance with all limits armed, the call, and the account of it.
/// Its floor is a store, an instance and a call with the engine alone; to compile and to load, the floor is the same
/// without checks and signatures. No daemon runs for this.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord bench module
  overlord bench module --file service.wasm --method list --json")]
pub(crate) struct ModuleCommand {
    /// The module, which may import nothing that needs a grant [default: the module test]
    #[arg(long, value_name = "FILE.wasm", conflicts_with = "modules")]
    file: Option<PathBuf>,
    /// A method of it that has no parameters
    #[arg(long, value_name = "METHOD", default_value = "ping")]
    method: String,
    /// How many jobs
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    count: u32,
    /// How often it is compiled and loaded
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    loads: u32,
    #[command(flatten)]
    fleet: Fleet,
    #[command(flatten)]
    format: FormatFlag,
    #[command(flatten)]
    full: FullFlag,
}

impl ModuleCommand {
    pub(super) fn run(self) -> Result<Exit, CliError> {
        let options = ModuleOptions {
            file: self.file,
            modules: self.fleet.modules,
            method: self.method,
            count: self.count,
            loads: self.loads,
        };
        measured(
            async |signals| module(options, signals.next()).await,
            |report| shown(&report, self.format, self.full),
        )
    }
}

/// Measure how long a large module takes into service on many minions
///
/// The module is test with random bytes added to it, another one each time. Each minion is a process of its own, takes
/// the bytes, compiles them and puts them into service. The floor is the same number of bytes sent over as many bare
/// QUIC connections to one other process, and then compiled as often by the engine alone, on all processors.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord bench push
  overlord bench push --minions 20 --mebibytes 30 --json")]
pub(crate) struct PushCommand {
    /// To how many minions
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=200))]
    minions: u16,
    /// How large the module is
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=60))]
    mebibytes: u16,
    /// How many pushes, of which the median counts
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rounds: u32,
    #[command(flatten)]
    fleet: Fleet,
    #[command(flatten)]
    format: FormatFlag,
    #[command(flatten)]
    full: FullFlag,
}

impl PushCommand {
    pub(super) fn run(self) -> Result<Exit, CliError> {
        let options = PushOptions {
            minions: self.minions,
            bytes: u64::from(self.mebibytes) << 20,
            rounds: self.rounds,
            modules: self.fleet.modules,
        };
        measured(
            async |signals| push(options, signals.next()).await,
            |report| shown(&report, self.format, self.full),
        )
    }
}
