//! `overlord job`

pub(super) mod cancel;
mod give_up;
mod history;
pub(super) mod list;
mod parts;
mod purge;
mod rerun;
mod result;
mod show;
mod wait;

use clap::Subcommand;
use output::Exit;

use super::CliError;
use crate::client::Client;

/// See what was called and what became of it
///
/// An id may be shortened to a beginning that no other job's id has.
#[derive(Debug, Subcommand)]
pub(super) enum JobCommand {
    List(list::List),
    Show(show::Show),
    Wait(wait::Wait),
    Result(result::ResultCommand),
    History(history::HistoryCommand),
    Cancel(cancel::Cancel),
    GiveUp(give_up::GiveUp),
    Rerun(rerun::RerunCommand),
    Purge(purge::Purge),
}

impl JobCommand {
    pub(super) async fn run(self, client: &Client) -> Result<Exit, CliError> {
        match self {
            JobCommand::List(command) => command.run(client).await,
            JobCommand::Show(command) => command.run(client).await,
            JobCommand::Wait(command) => command.run(client).await,
            JobCommand::Result(command) => command.run(client).await,
            JobCommand::History(command) => command.run(client).await,
            JobCommand::Cancel(command) => command.run(client).await,
            JobCommand::GiveUp(command) => command.run(client).await,
            JobCommand::Rerun(command) => command.run(client).await,
            JobCommand::Purge(command) => command.run(client).await,
        }
    }
}
