//! `overlord operator invite`

use std::time::Duration;

use clap::Args;
use output::{Exit, note, print};
use serde_json::json;
use wire::message::operators::{OperatorInvitation, OperatorKind};
use wire::name::{OperatorName, RoleName};

use super::super::{CliError, Format, FormatFlag, brief_duration};
use crate::client::Client;
use crate::client::milliseconds;

/// Print a one-use token with which one operator logs in
///
/// The token stands alone on stdout. Whoever has it is the operator of that name, once, until it runs out. Where no role is
/// given, the operator has those whose `operators` match its name, and may do nothing if there are none.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord operator invite bob --role deploy
  overlord operator invite bob@laptop --ttl 10m --json
  overlord operator invite ci --service --role deploy --lifetime 90d")]
pub(in crate::cli) struct Invite {
    /// The name that the operator will have
    name: OperatorName,
    /// Give it this role, of those in overlord.toml, or `admin`; may be given several times
    #[arg(long, value_name = "ROLE")]
    role: Vec<RoleName>,
    /// How long the token is good
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = brief_duration)]
    ttl: Duration,
    /// It is a program and no person
    #[arg(long)]
    service: bool,
    /// How long each of its certificates is good, which it renews until it is revoked [default: a year]
    #[arg(long, value_name = "DURATION", value_parser = brief_duration)]
    lifetime: Option<Duration>,
    /// The name is in use, and is to go to whoever logs in with the token
    #[arg(long)]
    replace: bool,
    #[command(flatten)]
    format: FormatFlag,
}

impl Invite {
    pub(super) async fn run(self, client: &Client) -> Result<Exit, CliError> {
        let invitation = OperatorInvitation {
            name: self.name.clone(),
            kind: if self.service { OperatorKind::Service } else { OperatorKind::Person },
            roles: self.role,
            ttl_ms: milliseconds(self.ttl),
            lifetime_ms: self.lifetime.map(milliseconds),
            replace: self.replace,
        };
        let token = client.invite_operator(invitation).await?;
        match self.format.format() {
            Format::Json => print(json!({ "token": token }))?,
            Format::Text => {
                print(token)?;
                let ttl = humantime::format_duration(self.ttl);
                note(format_args!("within {ttl}, where {} works: overlord login TOKEN", self.name));
            }
        }
        Ok(Exit::Ok)
    }
}
