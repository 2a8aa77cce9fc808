//! What the minions of a swarm cost: `overlord bench fanout`, `overlord bench connect` and `overlord bench memory`.

use std::time::Duration;

use clap::Args;
use output::{Exit, FullFlag, note};
use overlord::cli::{CliError, FormatFlag};
use wire::document::text::counted;

use super::report::shown;
use super::{Fleet, measured};
use crate::{ConnectOptions, FanoutOptions, MemoryOptions, connect, fanout, memory};

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

/// Measure how fast operators are let in, and when all minions are back after the overlord was killed
///
/// Operators come one connection each, with a handshake and a greeting, and go: their floor is a bare QUIC handshake
/// with the same certificates. Then the overlord is killed and started again: SERVED is when it answered an operator,
/// FIRST to LAST when its minions, a swarm in one process, were back, all since its start. Their floor is the time in
/// which one other process makes as many bare connections, from as many sockets.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord bench connect
  overlord bench connect --minions 5000 --handshakes 2000 --json")]
pub(crate) struct ConnectCommand {
    /// How many minions come back
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u16).range(1..=20_000))]
    minions: u16,
    /// How many operators come
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..))]
    handshakes: u64,
    /// How many of them at once
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=32))]
    in_flight: u16,
    #[command(flatten)]
    fleet: Fleet,
    #[command(flatten)]
    format: FormatFlag,
    #[command(flatten)]
    full: FullFlag,
}

impl ConnectCommand {
    pub(super) fn run(self) -> Result<Exit, CliError> {
        let options = ConnectOptions {
            minions: self.minions,
            handshakes: self.handshakes,
            at_once: self.in_flight.into(),
            modules: self.fleet.modules,
        };
        measured(
            async |signals| connect(options, signals.next()).await,
            |report| shown(&report, self.format, self.full),
        )
    }
}

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
