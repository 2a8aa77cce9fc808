//! `overlord module`

mod list;

use clap::Subcommand;

use super::{CliError, Exit};
use crate::client::Client;

/// See which modules the minions have
#[derive(Debug, Subcommand)]
pub(super) enum ModuleCommand {
    List(list::List),
}

impl ModuleCommand {
    pub(super) async fn run(self, client: &Client) -> Result<Exit, CliError> {
        match self {
            ModuleCommand::List(command) => command.run(client).await,
        }
    }
}
