//! `overlord bench memory`

use std::time::Duration;

use clap::Args;
use output::{Exit, FullFlag};

use super::report::shown;
use super::{Fleet, measured};
use crate::{MemoryOptions, memory};
use overlord::cli::{CliError, FormatFlag};

/// Measure what an idle minion takes of memory, on the overlord and where it runs
///
/// EACH is what one more minion of a swarm costs, in resident bytes: of the overlord's process, and of the swarm's. ONE
/// and ALL are the whole processes, with one minion and with all; a minion alone in its process is there too. The floor
/// is what a bare QUIC connection costs at either end.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord bench memory
  overlord bench memory --minions 10000 --settle 20 --json")]
pub(crate) struct MemoryCommand {
    /// How many minions of a swarm
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u16).range(2..=20_000))]
    minions: u16,
    /// For how many seconds nothing happens before it is looked
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u16).range(0..=3600))]
    settle: u16,
    #[command(flatten)]
    fleet: Fleet,
    #[command(flatten)]
    format: FormatFlag,
    #[command(flatten)]
    full: FullFlag,
}

impl MemoryCommand {
    pub(super) fn run(self) -> Result<Exit, CliError> {
        let options = MemoryOptions {
            minions: self.minions,
            settle: Duration::from_secs(self.settle.into()),
            modules: self.fleet.modules,
        };
        measured(
            async |signals| memory(options, signals.next()).await,
            |report| shown(&report, self.format, self.full),
        )
    }
}
