//! What changes of a module without a file have in common.

use clap::Args;
use output::Exit;
use wire::message::operator::Target;
use wire::name::ModuleName;

use super::super::CliError;
use super::super::selection::Selection;
use super::watch::{View, watch};
use crate::client::{Client, ClientError, ModuleStream};

/// Which module of which minions is changed.
#[derive(Debug, Args)]
pub(super) struct Edit {
    /// Which minions: names, globs, facts, lists (see `overlord targets --help`)
    target: String,
    /// Which module
    module: ModuleName,
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    view: View,
}

impl Edit {
    /// Hands in the change, and shows what becomes of it.
    pub(super) async fn run(
        self,
        client: &Client,
        hand_in: impl AsyncFn(Target, ModuleName, bool) -> Result<ModuleStream, ClientError>,
    ) -> Result<Exit, CliError> {
        let target = self.selection.of(self.target);
        let module = self.module;
        let Some(view) = self.view.settled(client, &target).await? else { return Ok(Exit::Interrupted) };
        watch(module.clone(), 0, view, async |confirmed| {
            hand_in(target.clone(), module.clone(), confirmed).await
        })
        .await
    }
}
