//! `overlord bench call`

use clap::Args;
use output::{Exit, FullFlag};

use super::report::shown;
use super::{Fleet, measured};
use crate::{CallOptions, call};
use overlord::cli::{CliError, FormatFlag};

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
  overlord bench call --calls 10000 --in-flight 1,64 --json")]
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
    #[command(flatten)]
    fleet: Fleet,
    #[command(flatten)]
    format: FormatFlag,
    #[command(flatten)]
    full: FullFlag,
}

impl CallCommand {
    pub(super) fn run(self) -> Result<Exit, CliError> {
        let options = CallOptions {
            calls: self.calls,
            minions: self.minions,
            at_once: self.in_flight.into_iter().map(usize::from).collect(),
            modules: self.fleet.modules,
        };
        measured(
            async |signals| call(options, signals.next()).await,
            |report| shown(&report, self.format, self.full),
        )
    }
}
