//! `overlord minion`

mod accept;
mod certificate;
pub(super) mod invitations;
mod invite;
pub(super) mod list;
pub(super) mod pending;
mod revoke;

use clap::Subcommand;
use output::Exit;

use super::{CliError, Global, talk};

pub(super) use self::list::show_minions;

/// Let hosts become minions, take minions back, and see who is there
#[derive(Debug, Subcommand)]
pub(super) enum MinionCommand {
    Invite(invite::Invite),
    Invitations(invitations::Invitations),
    Uninvite(invitations::Uninvite),
    Pending(pending::Pending),
    Accept(accept::Accept),
    Reject(accept::Reject),
    List(list::List),
    Revoke(revoke::Revoke),
    Unrevoke(revoke::Unrevoke),
    Remove(revoke::Remove),
}

impl MinionCommand {
    pub(super) fn run(self, global: &Global) -> Result<Exit, CliError> {
        match self {
            MinionCommand::Invite(command) => command.run(global),
            MinionCommand::Pending(command) => command.run(global),
            MinionCommand::Invitations(command) => talk(global, async |client| command.run(client).await),
            MinionCommand::Uninvite(command) => talk(global, async |client| command.run(client).await),
            MinionCommand::Accept(command) => talk(global, async |client| command.run(client).await),
            MinionCommand::Reject(command) => talk(global, async |client| command.run(client).await),
            MinionCommand::List(command) => talk(global, async |client| command.run(client).await),
            MinionCommand::Revoke(command) => talk(global, async |client| command.run(client).await),
            MinionCommand::Unrevoke(command) => talk(global, async |client| command.run(client).await),
            MinionCommand::Remove(command) => talk(global, async |client| command.run(client).await),
        }
    }
}
