//! `overlord operator list`

use clap::Args;
use machine::clock::now_ms;
use output::{Column, Exit, FullFlag, Table, print, show};
use serde_json::json;
use wire::document::text::since;
use wire::identity::Moment;
use wire::message::operators::OperatorStatus;

use super::super::{CliError, Format, FormatFlag};
use super::document::{document, standing};
use crate::client::Client;

/// List all operators
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord operator list
  overlord operator list --json")]
pub(in crate::cli) struct List {
    #[command(flatten)]
    format: FormatFlag,
    #[command(flatten)]
    full: FullFlag,
}

impl List {
    pub(super) async fn run(self, client: &Client) -> Result<Exit, CliError> {
        let operators = client.operators().await?;
        match self.format.format() {
            Format::Json => {
                let operators: Vec<_> = operators.iter().map(document).collect();
                print(json!({ "operators": operators }))?;
            }
            Format::Text => show(&table(&operators, now_ms()).shown(self.full.reader()))?,
        }
        Ok(Exit::Ok)
    }
}

/// Operators as people read them.
pub(in crate::cli) fn table(operators: &[OperatorStatus], now: u64) -> Table {
    let columns = [
        Column::whole("OPERATOR"),
        Column::whole("KIND").minor(),
        Column::whole("STANDING"),
        Column::whole("CONNECTED"),
        Column::wrapped("ROLES", 12, 60),
        Column::whole("SINCE").minor(),
        Column::whole("VALID UNTIL").minor(),
    ];
    Table::new(columns).with(operators.iter().map(|operator| row(operator, now)))
}

fn row(operator: &OperatorStatus, now: u64) -> Vec<String> {
    let roles: Vec<&str> = operator.roles.iter().map(|role| role.name.as_str()).collect();
    vec![
        operator.name.to_string(),
        operator.kind.as_str().to_owned(),
        standing(&operator.standing).to_owned(),
        if operator.connections > 0 { "yes" } else { "no" }.to_owned(),
        if roles.is_empty() { "-".to_owned() } else { roles.join(", ") },
        format!("{} ago", since(operator.since, now)),
        operator.valid_until.map_or_else(|| "-".to_owned(), |until| Moment(until).to_string()),
    ]
}
