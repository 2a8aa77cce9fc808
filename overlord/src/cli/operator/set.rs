//! `overlord operator set`

use clap::Args;
use output::{Exit, note, print};
use wire::name::{OperatorName, RoleName};

use super::super::{CliError, Format, FormatFlag};
use super::document::document;
use crate::client::Client;

/// Give an operator other roles
///
/// They take the place of those that it was given by name, by this or by its invitation, and hold from its next request on. Those
/// whose `operators` in overlord.toml match its name, it has besides.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord operator set bob --role deploy
  overlord operator set bob --role deploy --role audit
  overlord operator set bob --no-role")]
pub(in crate::cli) struct Set {
    /// The operator
    name: OperatorName,
    /// A role of those in overlord.toml, or `admin`; may be given several times
    #[arg(long, value_name = "ROLE", required_unless_present = "no_role")]
    role: Vec<RoleName>,
    /// Leave it none that it was given by name
    #[arg(long, conflicts_with = "role")]
    no_role: bool,
    #[command(flatten)]
    format: FormatFlag,
}

impl Set {
    pub(super) async fn run(self, client: &Client) -> Result<Exit, CliError> {
        let operator = client.set_operator_roles(self.name, self.role).await?;
        match self.format.format() {
            Format::Json => print(document(&operator))?,
            Format::Text => {
                let roles: Vec<&str> = operator.roles.iter().map(|role| role.name.as_str()).collect();
                let roles = if roles.is_empty() { "no role".to_owned() } else { roles.join(", ") };
                note(format_args!("{} has {roles}", operator.name));
            }
        }
        Ok(Exit::Ok)
    }
}
