//! `overlord minion`

mod invite;
mod list;

use clap::Subcommand;

use super::{CliError, Exit};
use crate::client::Client;

pub(super) use self::list::show_minions;

/// Invite minions, and see who is there
#[derive(Debug, Subcommand)]
pub(super) enum MinionCommand {
    Invite(invite::Invite),
    List(list::List),
}

impl MinionCommand {
    pub(super) async fn run(self, client: &Client) -> Result<Exit, CliError> {
        match self {
            MinionCommand::Invite(command) => command.run(client).await,
            MinionCommand::List(command) => command.run(client).await,
        }
    }
}
