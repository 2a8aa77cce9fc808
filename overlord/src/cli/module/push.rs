//! `overlord module push`

use std::path::PathBuf;

use clap::Args;
use output::Exit;
use wire::message::catalogue::{PushOptions, UnlessAll};
use wire::name::ModuleName;

use super::super::CliError;
use super::super::selection::Selection;
use super::release::ended;
use super::watch::{View, watch};
use crate::client::{Client, ModuleFile};

/// Put a new version of a module into service on all minions that match, or on none
///
/// Every minion first takes and compiles it; it goes into service only where all of them have. Jobs that run keep the
/// version that they started with. A signature in FILE.wasm.sig goes with it.
///
/// Where nothing goes on without minions that are out of touch, they are waited for as long as --patience says; then the
/// command exits with 1, and the push goes on.
///
/// Ctrl-C leaves the push to itself once it has begun; --cancel calls it off, by whomever it was begun, as long as it is
/// not being put into service. A push that broke off can be repeated: it goes on where it was.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord module push 'web*' service.wasm
  overlord module push '*' -x 'db*' build/release.wasm --name service --partial
  overlord module push web1 service.wasm --json
  overlord module push --cancel service

Results:
  active                  it is in service
  staged, not activated   the minion was ready, and others were not
  not sent                it was not even sent, because others are not connected
  not connected           the minion is not there
  failed                  the minion refused it; what was in service before still is
  unknown                 the minion was lost while it was put into service
  out of touch            the minion is gone, and there is no more patience with it")]
pub(in crate::cli) struct Push {
    /// Which minions: names, globs, facts, lists (see `overlord targets --help`)
    #[arg(required_unless_present = "cancel")]
    target: Option<String>,
    /// The module
    #[arg(value_name = "FILE.wasm", required_unless_present = "cancel")]
    file: Option<PathBuf>,
    /// Call off the push of this module that is under way, by whomever
    #[arg(long, value_name = "MODULE", conflicts_with_all = ["target", "file", "name", "exclude", "ignore_missing", "assume_unknown", "partial", "downgrade", "yes", "jsonl", "patience", "wait"])]
    cancel: Option<ModuleName>,
    /// What it is called [default: the file's name without .wasm]
    #[arg(long)]
    name: Option<ModuleName>,
    #[command(flatten)]
    selection: Selection,
    /// Put it into service on those that take it, even if others do not
    #[arg(long)]
    partial: bool,
    /// Take it even where what is in service is newer
    #[arg(long)]
    downgrade: bool,
    #[command(flatten)]
    view: View,
}

impl Push {
    pub(super) async fn run(self, client: &Client) -> Result<Exit, CliError> {
        if let Some(name) = self.cancel {
            let ongoing = client.cancel_push(name).await?;
            return ended(&ongoing, "called off", self.view.is_json());
        }
        // The parser has seen to it that they are there.
        let (Some(expression), Some(file)) = (self.target, self.file) else {
            return Err(CliError::Usage("give TARGET and FILE.wasm, or --cancel MODULE"));
        };
        let file = ModuleFile::read(&file, self.name)?;
        let target = self.selection.of(expression);
        let unless_all = if self.partial { UnlessAll::Partial } else { UnlessAll::Nowhere };
        let downgrade = self.downgrade;
        let name = file.offer().name.clone();
        let Some(view) = self.view.settled(client, &target).await? else { return Ok(Exit::Interrupted) };
        watch(name, file.offer().size, view, async |confirmed| {
            let options = PushOptions { unless_all, downgrade, confirmed };
            client.push_module(&file, target.clone(), options).await
        })
        .await
    }
}
