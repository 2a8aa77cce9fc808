//! What operators may do, and until when: `overlord operator`.

mod document;
pub(super) mod list;
pub(super) mod show;

use std::time::Duration;

use clap::{Args, Subcommand};
use output::{Exit, note, print};
use serde_json::json;
use wire::message::operators::{OperatorInvitation, OperatorKind};
use wire::name::{OperatorName, RoleName};

use self::document::document;
use super::{CliError, Format, FormatFlag, Global, brief_duration, talk};
use crate::client::{Client, milliseconds};

/// Invite operators, see who they are, and take back what they have
#[derive(Debug, Subcommand)]
pub(super) enum OperatorCommand {
    Invite(Invite),
    List(list::List),
    Show(show::Show),
    Set(Set),
    Revoke(Revoke),
    Unrevoke(Unrevoke),
    Remove(Remove),
}

impl OperatorCommand {
    pub(super) fn run(self, global: &Global) -> Result<Exit, CliError> {
        match self {
            OperatorCommand::Invite(command) => talk(global, async |client| command.run(client).await),
            OperatorCommand::List(command) => talk(global, async |client| command.run(client).await),
            OperatorCommand::Show(command) => talk(global, async |client| command.run(client).await),
            OperatorCommand::Set(command) => talk(global, async |client| command.run(client).await),
            OperatorCommand::Revoke(command) => talk(global, async |client| command.run(client).await),
            OperatorCommand::Unrevoke(command) => talk(global, async |client| command.run(client).await),
            OperatorCommand::Remove(command) => talk(global, async |client| command.run(client).await),
        }
    }
}

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
pub(super) struct Invite {
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
    async fn run(self, client: &Client) -> Result<Exit, CliError> {
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
pub(super) struct Set {
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
    async fn run(self, client: &Client) -> Result<Exit, CliError> {
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

/// End the connections of an operator, and refuse it from now on
///
/// Its tokens are forgotten too. Jobs that it has begun go on.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord operator revoke bob --why 'laptop was stolen'")]
pub(super) struct Revoke {
    /// The operator
    name: OperatorName,
    /// Why, for those who look later
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    why: String,
    #[command(flatten)]
    format: FormatFlag,
}

impl Revoke {
    async fn run(self, client: &Client) -> Result<Exit, CliError> {
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

/// Let an operator that was revoked in again
///
/// The last certificate that it had is good again, as long as it lasts; earlier ones are not.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord operator unrevoke bob")]
pub(super) struct Unrevoke {
    /// The operator
    name: OperatorName,
    #[command(flatten)]
    format: FormatFlag,
}

impl Unrevoke {
    async fn run(self, client: &Client) -> Result<Exit, CliError> {
        let operator = client.unrevoke_operator(self.name).await?;
        match self.format.format() {
            Format::Json => print(document(&operator))?,
            Format::Text => note(format_args!("{} may connect again", operator.name)),
        }
        Ok(Exit::Ok)
    }
}

/// Forget an operator
///
/// Its connections end at once, and its certificate is refused. Its jobs stay, and the name is free.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord operator remove bob")]
pub(super) struct Remove {
    /// The operator
    name: OperatorName,
    #[command(flatten)]
    format: FormatFlag,
}

impl Remove {
    async fn run(self, client: &Client) -> Result<Exit, CliError> {
        let operator = client.remove_operator(self.name).await?;
        match self.format.format() {
            Format::Json => print(document(&operator))?,
            Format::Text => note(format_args!("{} is forgotten; its jobs stay", operator.name)),
        }
        Ok(Exit::Ok)
    }
}
