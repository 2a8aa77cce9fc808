//! `overlord module remove`

use clap::Args;
use output::Exit;

use super::super::CliError;
use super::edit::Edit;
use crate::client::Client;

/// Take a module out of service on all minions that match
///
/// Jobs that run go on to their end. The minions keep the version for `overlord module rollback`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord module remove 'web*' service
  overlord module remove '*' service -x 'db*' --json")]
pub(in crate::cli) struct Remove {
    #[command(flatten)]
    edit: Edit,
}

impl Remove {
    pub(super) async fn run(self, client: &Client) -> Result<Exit, CliError> {
        self.edit
            .run(client, async |target, module, confirmed| {
                client.remove_module(target, module, confirmed).await
            })
            .await
    }
}
