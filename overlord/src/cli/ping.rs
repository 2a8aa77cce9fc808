//! `overlord ping`

use clap::Args;
use output::{Column, Exit, FullFlag, Table, print, show};
use serde_json::json;
use wire::message::operator::Ping;

use super::selection::{Selection, with_warnings};
use super::{CliError, Format, FormatFlag};
use crate::client::Client;

/// Ask minions for a sign of life
///
/// Exits with 1 if one of them does not answer.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord ping '*'
  overlord ping 'web*' -x web3")]
pub(super) struct PingCommand {
    /// Which minions: names, globs, lists
    target: String,
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    format: FormatFlag,
    #[command(flatten)]
    full: FullFlag,
}

impl PingCommand {
    pub(super) async fn run(self, client: &Client) -> Result<Exit, CliError> {
        let (pings, warnings) = client.ping(self.selection.of(self.target)).await?.said();
        let printed = match self.format.format() {
            Format::Json => {
                let pings: Vec<_> = pings.iter().map(document).collect();
                print(with_warnings(json!({ "pings": pings }), &warnings))
            }
            Format::Text => show(&table(&pings).shown(self.full.reader())),
        };
        Exit::of(pings.iter().all(|ping| ping.answer.is_ok())).after_printing(printed)
    }
}

fn document(ping: &Ping) -> serde_json::Value {
    match &ping.answer {
        Ok(micros) => json!({ "minion": ping.minion, "ms": *micros as f64 / 1000.0 }),
        Err(problem) => json!({ "minion": ping.minion, "ms": null, "problem": problem }),
    }
}

pub(super) fn table(pings: &[Ping]) -> Table {
    let columns = [Column::whole("MINION"), Column::whole("TIME"), Column::wrapped("PROBLEM", 20, 120)];
    Table::new(columns).with(pings.iter().map(row))
}

fn row(ping: &Ping) -> Vec<String> {
    match &ping.answer {
        Ok(micros) => {
            vec![ping.minion.to_string(), format!("{:.1} ms", *micros as f64 / 1000.0), String::new()]
        }
        Err(problem) => vec![ping.minion.to_string(), "-".to_owned(), problem.clone()],
    }
}
