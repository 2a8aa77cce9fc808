//! `overlord module remove`

use clap::Args;
use wire::name::ModuleName;
use wire::operator::Target;

use super::super::{CliError, Exit};
use super::watch::{View, watch};
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
    /// Which minions: names, globs, facts, lists (see `overlord targets --help`)
    target: String,
    /// Which module
    module: ModuleName,
    /// Leave these minions out, whatever TARGET says
    #[arg(short = 'x', long, value_name = "EXPR")]
    exclude: Option<String>,
    #[command(flatten)]
    view: View,
}

impl Remove {
    pub(super) async fn run(self, client: &Client) -> Result<Exit, CliError> {
        let target = Target { expression: self.target, exclude: self.exclude };
        let module = self.module;
        watch(module.clone(), 0, self.view, async |confirmed| {
            client.remove_module(target.clone(), module.clone(), confirmed).await
        })
        .await
    }
}
