//! `overlord minion`

mod certificate;
mod invite;
pub(super) mod list;

use clap::Subcommand;
use output::Exit;

use super::{CliError, Global, talk};

pub(super) use self::list::show_minions;

/// Invite minions, and see who is there
#[derive(Debug, Subcommand)]
pub(super) enum MinionCommand {
    Invite(invite::Invite),
    List(list::List),
}

impl MinionCommand {
    pub(super) fn run(self, global: &Global) -> Result<Exit, CliError> {
        match self {
            MinionCommand::Invite(command) => command.run(global),
            MinionCommand::List(command) => talk(global, async |client| command.run(client).await),
        }
    }
}
