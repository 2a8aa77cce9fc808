//! `overlord module rollback`

use clap::Args;
use wire::name::ModuleName;
use wire::operator::Target;

use super::super::{CliError, Exit};
use super::watch::{View, watch};
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

impl Rollback {
    pub(super) async fn run(self, client: &Client) -> Result<Exit, CliError> {
        let target = Target { expression: self.target, exclude: self.exclude };
        let module = self.module;
        watch(module.clone(), 0, self.view, async |confirmed| {
            client.roll_back_module(target.clone(), module.clone(), confirmed).await
        })
        .await
    }
}
