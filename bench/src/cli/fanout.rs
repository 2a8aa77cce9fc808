//! `overlord bench fanout`

use clap::Args;
use output::{Exit, FullFlag, note};

use super::report::shown;
use super::{Fleet, measured};
use crate::{FanoutOptions, fanout};
use overlord::cli::{CliError, FormatFlag};
use wire::document::text::counted;

/// Measure how long a call to many minions takes, until the first, half, 99 of 100 and the last have answered
///
/// The minions are a swarm in one process, with a connection, a ledger and jobs for each. The floor is a bare QUIC echo
/// over the same number of connections to one other process, which runs the same guest with the engine alone before it
/// answers; both are asked in turn, and the median of the rounds counts. What counts is RATIO: of the last answer to the
/// last bare one.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord bench fanout --minions 1000
  overlord bench fanout --minions 10,100,1000 --rounds 11 --json")]
pub(crate) struct FanoutCommand {
    /// How many minions: one number or several, measured one after the other
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_values_t = [10, 100, 1000],
          value_parser = clap::value_parser!(u16).range(1..=20_000))]
    minions: Vec<u16>,
    /// How many calls, of which the median counts
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rounds: u32,
    #[command(flatten)]
    fleet: Fleet,
    #[command(flatten)]
    format: FormatFlag,
    #[command(flatten)]
    full: FullFlag,
}

impl FanoutCommand {
    pub(super) fn run(self) -> Result<Exit, CliError> {
        let options =
            FanoutOptions { minions: self.minions, rounds: self.rounds, modules: self.fleet.modules };
        let watch =
            |minions: u16| note(format_args!("a swarm of {} starts", counted(minions.into(), "minion")));
        measured(
            async |signals| fanout(options, signals.next(), watch).await,
            |report| shown(&report, self.format, self.full),
        )
    }
}
