//! `overlord minion list`

use clap::Args;
use serde_json::json;
use wire::clock::now_ms;
use wire::operator::{MinionStatus, TargetWarning};

use super::super::columns::columns;
use super::super::output::print;
use super::super::selection::with_warnings;
use super::super::{CliError, Exit, Format, FormatFlag};
use crate::client::Client;
use crate::report::moment::rfc3339;
use crate::report::text::since;

/// List all enrolled minions
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord minion list
  overlord minion list --json")]
pub(in crate::cli) struct List {
    #[command(flatten)]
    format: FormatFlag,
}

impl List {
    pub(super) async fn run(self, client: &Client) -> Result<Exit, CliError> {
        show_minions(&client.minions().await?, &[], self.format.format())
    }
}

/// Prints what there is to say of these minions.
pub(in crate::cli) fn show_minions(
    minions: &[MinionStatus],
    warnings: &[TargetWarning],
    format: Format,
) -> Result<Exit, CliError> {
    match format {
        Format::Json => {
            let minions: Vec<_> = minions.iter().map(document).collect();
            print(with_warnings(json!({ "minions": minions }), warnings))?;
        }
        Format::Text => {
            let heading = ["MINION", "CONNECTED", "MODULES", "VERSION", "ADDRESS", "LAST SEEN"];
            let now = now_ms();
            print(columns(&heading, minions.iter().map(|minion| row(minion, now))))?;
        }
    }
    Ok(Exit::Ok)
}

fn document(minion: &MinionStatus) -> serde_json::Value {
    json!({
        "name": minion.name,
        "connected": minion.connected,
        "address": minion.address,
        "version": minion.version,
        "key": minion.key.to_string(),
        "modules": minion.modules,
        "enrolled_at": rfc3339(minion.enrolled_at),
        "last_seen": minion.last_seen.map(rfc3339),
    })
}

fn row(minion: &MinionStatus, now: u64) -> Vec<String> {
    let dash = || "-".to_owned();
    let seen = match minion.last_seen {
        _ if minion.connected => "now".to_owned(),
        Some(at) => format!("{} ago", since(at, now)),
        None => "never".to_owned(),
    };
    vec![
        minion.name.to_string(),
        if minion.connected { "yes" } else { "no" }.to_owned(),
        minion.modules.to_string(),
        minion.version.clone().unwrap_or_else(dash),
        minion.address.clone().unwrap_or_else(dash),
        seen,
    ]
}
