//! `overlord operator`

mod invite;
pub(super) mod list;
mod remove;
mod revoke;
mod set;
pub(super) mod show;
mod unrevoke;

use clap::Subcommand;
use output::Exit;
use serde_json::{Value as Json, json};
use wire::identity::Moment;
use wire::message::operators::{OperatorStanding, OperatorStatus, RoleStatus};

use super::{CliError, Global, talk};
use machine::clock::rfc3339;

/// Invite operators, see who they are, and take back what they have
#[derive(Debug, Subcommand)]
pub(super) enum OperatorCommand {
    Invite(invite::Invite),
    List(list::List),
    Show(show::Show),
    Set(set::Set),
    Revoke(revoke::Revoke),
    Unrevoke(unrevoke::Unrevoke),
    Remove(remove::Remove),
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

/// An operator as a program reads it.
pub(super) fn document(operator: &OperatorStatus) -> Json {
    let (revoked_at, revoked_by, why) = match &operator.standing {
        OperatorStanding::Active => (None, None, None),
        OperatorStanding::Revoked { at, by, why } => (Some(rfc3339(*at)), Some(by), Some(why)),
    };
    json!({
        "name": operator.name,
        "kind": operator.kind.as_str(),
        "standing": standing(&operator.standing),
        "revoked_at": revoked_at,
        "revoked_by": revoked_by,
        "why": why.filter(|why| !why.is_empty()),
        "roles": operator.roles.iter().map(role_document).collect::<Vec<_>>(),
        "connection_count": operator.connections,
        "since_at": rfc3339(operator.since),
        "invited_by": operator.invited_by,
        "valid_until_at": operator.valid_until.map(|until| Moment(until).to_string()),
    })
}

fn role_document(role: &RoleStatus) -> Json {
    json!({
        "name": role.name,
        "admin": role.admin,
        "calls": role.methods,
        "target": role.targets,
        "may_with_modules": role.modules,
        "may_with_jobs": role.jobs,
        "may_with_minions": role.minions,
        "audit": role.audit,
    })
}

/// The word for whether an operator may connect.
pub(super) fn standing(standing: &OperatorStanding) -> &'static str {
    match standing {
        OperatorStanding::Active => "active",
        OperatorStanding::Revoked { .. } => "revoked",
    }
}
