//! `overlord context`

use clap::{Args, Subcommand};
use output::{Column, Exit, FullFlag, Table, note, print, show};
use serde_json::{Value as Json, json};
use wire::identity::{Identity, Moment};

use super::{CliError, Format, FormatFlag, Global};
use crate::contexts::{Context, ContextName};

/// Choose which overlord commands talk to, and as whom
#[derive(Debug, Subcommand)]
pub(super) enum ContextCommand {
    List(List),
    Use(Use),
}

/// List the contexts of the folder: the overlords that commands can talk to, and as whom
///
/// `local` is the identity that `overlord init` made; all others were made by `overlord login`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord context list
  overlord context list --json")]
pub(super) struct List {
    #[command(flatten)]
    format: FormatFlag,
    #[command(flatten)]
    full: FullFlag,
}

/// Let commands talk to the overlord of a context from now on
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord context use bob@overlord.example.org
  overlord context use local")]
pub(super) struct Use {
    /// The context, as `overlord context list` names it
    name: ContextName,
    #[command(flatten)]
    format: FormatFlag,
}

impl ContextCommand {
    pub(super) fn run(self, global: &Global) -> Result<Exit, CliError> {
        let folder = global.folder()?;
        let format = match &self {
            ContextCommand::List(List { format, .. }) | ContextCommand::Use(Use { format, .. }) => {
                format.format()
            }
        };
        if let ContextCommand::Use(Use { name, .. }) = &self {
            folder.use_context(name)?;
        }
        let rows: Vec<Row> = folder.contexts().iter().map(Row::of).collect();
        match (self, format) {
            (_, Format::Json) => {
                print(json!({ "contexts": rows.iter().map(Row::document).collect::<Vec<_>>() }))?;
            }
            (ContextCommand::List(List { full, .. }), Format::Text) => {
                show(&table(&rows).shown(full.reader()))?
            }
            (ContextCommand::Use(Use { name, .. }), Format::Text) => {
                let row = rows.iter().find(|row| row.name == name.as_str());
                let (operator, address) = row.map_or(("-", "-"), |row| (&row.operator, &row.address));
                note(format_args!("commands talk to the overlord at {address} as {operator}"));
            }
        }
        Ok(Exit::Ok)
    }
}

/// A context, as it is shown.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) current: bool,
    pub(super) operator: String,
    pub(super) address: String,
    pub(super) valid_until: Option<String>,
}

impl Row {
    fn of(context: &Context) -> Self {
        let peer = Identity::load(context.folder.dir(), "operator").and_then(|identity| identity.peer()).ok();
        let dash = || "-".to_owned();
        Self {
            name: context.name.to_string(),
            current: context.current,
            operator: peer.as_ref().map_or_else(dash, |peer| peer.name.clone()),
            address: context.folder.noted_address().unwrap_or_else(dash),
            valid_until: peer.map(|peer| Moment(peer.validity.until).to_string()),
        }
    }

    fn document(&self) -> Json {
        json!({
            "name": self.name,
            "current": self.current,
            "operator": self.operator,
            "address": self.address,
            "valid_until_at": self.valid_until,
        })
    }
}

/// Contexts as people read them.
pub(super) fn table(rows: &[Row]) -> Table {
    let columns = [
        Column::whole("CONTEXT"),
        Column::whole("IN USE"),
        Column::whole("OPERATOR"),
        Column::whole("ADDRESS"),
        Column::whole("VALID UNTIL").minor(),
    ];
    Table::new(columns).with(rows.iter().map(|row| {
        vec![
            row.name.clone(),
            if row.current { "yes" } else { "no" }.to_owned(),
            row.operator.clone(),
            row.address.clone(),
            row.valid_until.clone().unwrap_or_else(|| "-".to_owned()),
        ]
    }))
}
