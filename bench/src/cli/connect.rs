//! `overlord bench connect`

use clap::Args;
use output::{Exit, FullFlag};

use super::report::shown;
use super::{Fleet, measured};
use crate::{ConnectOptions, connect};
use overlord::cli::{CliError, FormatFlag};

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
