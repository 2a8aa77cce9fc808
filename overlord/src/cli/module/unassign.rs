//! `overlord module unassign`

use clap::Args;
use wire::name::ModuleName;

use super::super::{CliError, Format, FormatFlag};
use super::assignments::{assignment_document, version_name};
use crate::client::Client;
use output::{Exit, note, print};
use wire::document::text::line;

/// Take an assignment back, which leaves what minions have in service as it is
///
/// An older assignment of the module that matches a minion holds from then on, and is brought when the minion next
/// connects: the answer names those.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord module unassign 'web*' service")]
pub(in crate::cli) struct Unassign {
    /// The expression, as it was assigned
    #[arg(value_name = "EXPR")]
    expression: String,
    /// Which module
    module: ModuleName,
    #[command(flatten)]
    format: FormatFlag,
}

impl Unassign {
    pub(super) async fn run(self, client: &Client) -> Result<Exit, CliError> {
        let (assignment, instead) = client.unassign_module(self.expression, self.module).await?;
        match self.format.format() {
            Format::Json => {
                let mut document = assignment_document(&assignment);
                document["instead"] = instead.iter().map(assignment_document).collect();
                print(document)?;
            }
            Format::Text => {
                let (name, expression) = (&assignment.name, line(&assignment.expression));
                print(format_args!("{name} is no longer assigned to \"{expression}\""))?;
                for one in &instead {
                    note(format_args!(
                        "{} is assigned to \"{}\", and comes back when these minions next connect",
                        version_name(one),
                        line(&one.expression)
                    ));
                }
            }
        }
        Ok(Exit::Ok)
    }
}
