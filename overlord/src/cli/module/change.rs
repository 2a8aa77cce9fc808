//! What is changed of a module on many minions: `overlord module push`, `rollback`, `remove` and `release`.

use std::path::PathBuf;

use clap::Args;
use machine::clock::rfc3339;
use output::{Exit, print};
use serde_json::json;
use wire::message::catalogue::{OngoingChange, PushOptions, UnlessAll};
use wire::message::operator::Target;
use wire::name::ModuleName;

use super::super::selection::Selection;
use super::super::{CliError, Format, FormatFlag};
use super::watch::{View, watch};
use crate::client::{Client, ClientError, ModuleFile, ModuleStream};

/// Which module of which minions is changed.
#[derive(Debug, Args)]
struct Edit {
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
    async fn run(
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

/// Take a module from whoever changes it and does not come to an end
///
/// The change ends where it is: minions may have it already, all or some of them. See `overlord module show MODULE`, and
/// call a push off with `overlord module push --cancel MODULE` where that is enough.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord module release service")]
pub(in crate::cli) struct Release {
    /// Which module
    module: ModuleName,
    #[command(flatten)]
    format: FormatFlag,
}

impl Release {
    pub(super) async fn run(self, client: &Client) -> Result<Exit, CliError> {
        let ongoing = client.release_module(self.module).await?;
        ended(&ongoing, "released", matches!(self.format.format(), Format::Json))
    }
}

/// Says whose change of a module was ended, and how.
pub(super) fn ended(ongoing: &OngoingChange, how: &str, is_json: bool) -> Result<Exit, CliError> {
    let OngoingChange { name, operator, doing, since } = ongoing;
    let since = rfc3339(*since);
    if is_json {
        print(json!({
            "module": name.as_str(), "operator": operator.as_str(), "doing": doing, "since_at": since, "ended": how,
        }))?;
    } else {
        print(format_args!("{how}: \"{name}\" was being {doing} by {operator} since {since}"))?;
    }
    Ok(Exit::Ok)
}
