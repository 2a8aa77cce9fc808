//! `overlord module`

mod kinds;
mod list;
mod show;

use clap::Subcommand;

use super::{CliError, Exit};
use crate::client::Client;

pub(super) use self::kinds::{Kind, kinds};
pub(super) use self::show::modules_named;

/// See which modules the minions have
#[derive(Debug, Subcommand)]
pub(super) enum ModuleCommand {
    List(list::List),
    Show(show::Show),
    /// Show what a module or one of its methods does: `overlord doc`
    Doc(super::doc::Doc),
}

impl ModuleCommand {
    pub(super) async fn run(self, client: &Client) -> Result<Exit, CliError> {
        match self {
            ModuleCommand::List(command) => command.run(client).await,
            ModuleCommand::Show(command) => command.run(client).await,
            ModuleCommand::Doc(command) => command.run(client).await,
        }
    }
}
