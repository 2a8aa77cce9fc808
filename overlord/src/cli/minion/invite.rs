//! `overlord minion invite`

use std::time::Duration;

use clap::Args;
use serde_json::json;
use wire::name::MinionName;

use super::super::output::{note, print};
use super::super::{CliError, Exit, Format, FormatFlag, duration};
use crate::client::Client;

/// Print a one-use token with which one host becomes a minion
///
/// The token stands alone on stdout. Whoever has it can join under the name, once, until it runs out.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord minion invite web1
  overlord minion invite web1 --ttl 10m | ssh web1 minion join -")]
pub(in crate::cli) struct Invite {
    /// The name that the minion will have, as in a host name
    name: MinionName,
    /// How long the token is good
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = duration)]
    ttl: Duration,
    #[command(flatten)]
    format: FormatFlag,
}

impl Invite {
    pub(super) async fn run(self, client: &Client) -> Result<Exit, CliError> {
        let token = client.invite(self.name.clone(), self.ttl).await?;
        match self.format.format() {
            Format::Json => print(json!({ "token": token }))?,
            Format::Text => {
                print(token.to_string())?;
                let ttl = humantime::format_duration(self.ttl);
                note(format_args!("within {ttl}, on {}: minion join TOKEN && minion serve", self.name));
            }
        }
        Ok(Exit::Ok)
    }
}
