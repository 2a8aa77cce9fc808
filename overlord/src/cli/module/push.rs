//! `overlord module push`

use std::path::PathBuf;

use clap::Args;
use wire::catalogue::{PushOptions, UnlessAll};
use wire::name::ModuleName;
use wire::operator::Target;

use super::super::{CliError, Exit};
use super::watch::{View, watch};
use crate::client::{Client, ModuleFile};

/// Put a new version of a module into service on all minions that match, or on none
///
/// Every minion first takes and compiles it; it goes into service only where all of them have. Jobs that run keep the
/// version that they started with. A signature in FILE.wasm.sig goes with it.
///
/// Ctrl-C leaves the push to itself once it has begun. A push that broke off can be repeated: it goes on where it was.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord module push 'web*' service.wasm
  overlord module push '*' -x 'db*' build/release.wasm --name service --partial
  overlord module push web1 service.wasm --json

Results:
  active                  it is in service
  staged, not activated   the minion was ready, and others were not
  not sent                it was not even sent, because others are not connected
  not connected           the minion is not there
  failed                  the minion refused it; what was in service before still is
  unknown                 the minion was lost while it was put into service")]
pub(in crate::cli) struct Push {
    /// Which minions: names, globs, facts, lists (see `overlord targets --help`)
    target: String,
    /// The module
    #[arg(value_name = "FILE.wasm")]
    file: PathBuf,
    /// What it is called [default: the file's name without .wasm]
    #[arg(long)]
    name: Option<ModuleName>,
    /// Leave these minions out, whatever TARGET says
    #[arg(short = 'x', long, value_name = "EXPR")]
    exclude: Option<String>,
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
        let file = ModuleFile::read(&self.file, self.name)?;
        let target = Target { expression: self.target, exclude: self.exclude };
        let unless_all = if self.partial { UnlessAll::Partial } else { UnlessAll::Nowhere };
        let downgrade = self.downgrade;
        let name = file.offer().name.clone();
        watch(name, file.offer().size, self.view, async |confirmed| {
            let options = PushOptions { unless_all, downgrade, confirmed };
            client.push_module(&file, target.clone(), options).await
        })
        .await
    }
}
