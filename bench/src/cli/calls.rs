//! `overlord bench calls`

use std::time::Duration;

use clap::Args;
use output::{Column, Exit, FullFlag, Table, print, show};
use serde_json::{Value, json};

use super::{Fleet, measured};
use crate::{Calls, CallsOptions, Measured, calls};
use overlord::cli::{CliError, Format, FormatFlag};

/// Measure how fast calls are, beside a bare QUIC echo in the same run
///
/// A ping goes on to the minions and back, a call makes a job of test.ping there, and a durable call has that on
/// disk on both sides first. What counts is the ratio to the echo: times alone depend on the host.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord bench calls
  overlord bench calls --minions 10 --in-flight 100 --json")]
pub(crate) struct CallsCommand {
    /// How many times each thing is done
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..))]
    calls: u64,
    /// How many minions are called each time
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=500))]
    minions: u16,
    /// How many at once, where they are not one after the other
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u16).range(2..=1000))]
    in_flight: u16,
    #[command(flatten)]
    fleet: Fleet,
    #[command(flatten)]
    format: FormatFlag,
    #[command(flatten)]
    full: FullFlag,
}

impl CallsCommand {
    pub(super) fn run(self) -> Result<Exit, CliError> {
        let options = CallsOptions {
            calls: self.calls,
            minions: self.minions,
            in_flight: self.in_flight.into(),
            modules: self.fleet.modules,
        };
        measured(
            async |signals| calls(options, signals.next()).await,
            |calls| {
                match self.format.format() {
                    Format::Json => {
                        let measured: Vec<Value> =
                            calls.measured.iter().map(|one| document(&calls, one)).collect();
                        print(json!({ "minion_count": calls.minions, "measured": measured }))?;
                    }
                    Format::Text => show(&table(&calls).shown(self.full.reader()))?,
                }
                Ok(Exit::Ok)
            },
        )
    }
}

pub(super) fn table(calls: &Calls) -> Table {
    let columns = [
        Column::whole("WHAT"),
        Column::whole("AT ONCE"),
        Column::whole("A SECOND"),
        Column::whole("P50").minor(),
        Column::whole("P99").minor(),
        Column::whole("MAX").minor(),
        Column::whole("ECHOES"),
    ];
    Table::new(columns).with(calls.measured.iter().map(|one| row(calls, one)))
}

fn row(calls: &Calls, one: &Measured) -> Vec<String> {
    let ms = |time: Duration| format!("{:.2} ms", milliseconds(time));
    vec![
        one.what.to_owned(),
        one.in_flight.to_string(),
        format!("{:.0}", one.rate),
        ms(one.spread.p50),
        ms(one.spread.p99),
        ms(one.spread.max),
        format!("{:.1}", calls.ratio(one)),
    ]
}

fn document(calls: &Calls, one: &Measured) -> Value {
    json!({
        "what": one.what,
        "in_flight": one.in_flight,
        "rate": one.rate,
        "p50_ms": milliseconds(one.spread.p50),
        "p99_ms": milliseconds(one.spread.p99),
        "max_ms": milliseconds(one.spread.max),
        "echoes": calls.ratio(one),
    })
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
