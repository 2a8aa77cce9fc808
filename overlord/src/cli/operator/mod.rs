//! `overlord operator`

mod document;
mod invite;
pub(super) mod list;
mod remove;
mod revoke;
mod set;
pub(super) mod show;
mod unrevoke;

use clap::Subcommand;
use output::Exit;

use super::{CliError, Global, talk};

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
