//! `overlord module`

mod assign;
pub(super) mod assignments;
mod bars;
pub(super) mod catalogue;
mod change;
mod list;
mod show;
pub(super) mod versions;
mod watch;

use clap::Subcommand;
use output::Exit;

use super::CliError;
use crate::client::Client;

pub(super) use super::distinct_modules::who;

/// See which modules the minions have, and change that
#[derive(Debug, Subcommand)]
pub(super) enum ModuleCommand {
    List(list::List),
    Show(show::Show),
    /// Show what a module or one of its methods does: `overlord doc`
    Doc(super::doc::Doc),
    Push(change::Push),
    Rollback(change::Rollback),
    Remove(change::Remove),
    Release(change::Release),
    Add(catalogue::Add),
    Assign(assign::Assign),
    Unassign(assign::Unassign),
    Assignments(assignments::Assignments),
}

impl ModuleCommand {
    pub(super) async fn run(self, client: &Client) -> Result<Exit, CliError> {
        match self {
            ModuleCommand::List(command) => command.run(client).await,
            ModuleCommand::Show(command) => command.run(client).await,
            ModuleCommand::Doc(command) => command.run(client).await,
            ModuleCommand::Push(command) => command.run(client).await,
            ModuleCommand::Rollback(command) => command.run(client).await,
            ModuleCommand::Remove(command) => command.run(client).await,
            ModuleCommand::Release(command) => command.run(client).await,
            ModuleCommand::Add(command) => command.run(client).await,
            ModuleCommand::Assign(command) => command.run(client).await,
            ModuleCommand::Unassign(command) => command.run(client).await,
            ModuleCommand::Assignments(command) => command.run(client).await,
        }
    }
}
