//! `overlord operator remove`

use clap::Args;
use output::{Exit, note, print};
use wire::name::OperatorName;

use super::super::{CliError, Format, FormatFlag};
use super::document::document;
use crate::client::Client;

/// Forget an operator
///
/// Its connections end at once, and its certificate is refused. Its jobs stay, and the name is free.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord operator remove bob")]
pub(in crate::cli) struct Remove {
    /// The operator
    name: OperatorName,
    #[command(flatten)]
    format: FormatFlag,
}

impl Remove {
    pub(super) async fn run(self, client: &Client) -> Result<Exit, CliError> {
        let operator = client.remove_operator(self.name).await?;
        match self.format.format() {
            Format::Json => print(document(&operator))?,
            Format::Text => note(format_args!("{} is forgotten; its jobs stay", operator.name)),
        }
        Ok(Exit::Ok)
    }
}
