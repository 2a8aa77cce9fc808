//! `overlord operator revoke`

use clap::Args;
use output::{Exit, note, print};
use wire::name::OperatorName;

use super::super::{CliError, Format, FormatFlag};
use super::document::document;
use crate::client::Client;

/// End the connections of an operator, and refuse it from now on
///
/// Its tokens are forgotten too. Jobs that it has begun go on.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord operator revoke bob --why 'laptop was stolen'")]
pub(in crate::cli) struct Revoke {
    /// The operator
    name: OperatorName,
    /// Why, for those who look later
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    why: String,
    #[command(flatten)]
    format: FormatFlag,
}

impl Revoke {
    pub(super) async fn run(self, client: &Client) -> Result<Exit, CliError> {
        let operator = client.revoke_operator(self.name, self.why).await?;
        match self.format.format() {
            Format::Json => print(document(&operator))?,
            Format::Text => note(format_args!(
                "{name} is revoked; its jobs go on: see `overlord job list --operator {name}`",
                name = operator.name
            )),
        }
        Ok(Exit::Ok)
    }
}
