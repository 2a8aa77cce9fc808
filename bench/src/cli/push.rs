//! `overlord bench push`

use clap::Args;
use output::{Exit, FullFlag};

use super::report::shown;
use super::{Fleet, measured};
use crate::{PushOptions, push};
use overlord::cli::{CliError, FormatFlag};

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
