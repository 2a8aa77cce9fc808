//! `overlord operator unrevoke`

use clap::Args;
use output::{Exit, note, print};
use wire::name::OperatorName;

use super::super::{CliError, Format, FormatFlag};
use super::document::document;
use crate::client::Client;

/// Let an operator that was revoked in again
///
/// The last certificate that it had is good again, as long as it lasts; earlier ones are not.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord operator unrevoke bob")]
pub(in crate::cli) struct Unrevoke {
    /// The operator
    name: OperatorName,
    #[command(flatten)]
    format: FormatFlag,
}

impl Unrevoke {
    pub(super) async fn run(self, client: &Client) -> Result<Exit, CliError> {
        let operator = client.unrevoke_operator(self.name).await?;
        match self.format.format() {
            Format::Json => print(document(&operator))?,
            Format::Text => note(format_args!("{} may connect again", operator.name)),
        }
        Ok(Exit::Ok)
    }
}
