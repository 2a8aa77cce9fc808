//! `overlord module unassign`

use clap::Args;
use wire::name::ModuleName;

use super::super::output::print;
use super::super::{CliError, Exit, Format, FormatFlag};
use super::assignments::assignment_document;
use crate::client::Client;

/// Take an assignment back, which leaves what minions have in service as it is
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
        let assignment = client.unassign_module(self.expression, self.module).await?;
        match self.format.format() {
            Format::Json => print(assignment_document(&assignment))?,
            Format::Text => {
                let (name, expression) = (&assignment.name, &assignment.expression);
                print(format_args!("{name} is no longer assigned to \"{expression}\""))?;
            }
        }
        Ok(Exit::Ok)
    }
}
