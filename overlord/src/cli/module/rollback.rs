//! `overlord module rollback`

use clap::Args;
use output::Exit;

use super::super::CliError;
use super::edit::Edit;
use crate::client::Client;

/// Go back to the version of a module that was in service before
///
/// Minions keep the last versions of each module; jobs that run keep the version that they started with.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord module rollback 'web*' service
  overlord module rollback '*' service -x 'db*' --json")]
pub(in crate::cli) struct Rollback {
    #[command(flatten)]
    edit: Edit,
}

impl Rollback {
    pub(super) async fn run(self, client: &Client) -> Result<Exit, CliError> {
        self.edit
            .run(client, async |target, module, confirmed| {
                client.roll_back_module(target, module, confirmed).await
            })
            .await
    }
}
