//! `overlord targets`

use clap::Args;
use output::{Exit, FullFlag};

use super::minion::show_minions;
use super::selection::Selection;
use super::{CliError, FormatFlag};
use crate::client::Client;

/// Show which minions an expression means, and which of them are connected
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord targets 'web*,db1'
  overlord targets 'os=debian & mem.total>=4GiB'
  overlord targets '*' -x 'db*' --json

Terms:
  web1  web*  db[0-9]            names and globs
  ~web(1|2)                      a regular expression over the whole name
  role=db  os!=debian            facts and labels: = != < <= > >=, ^= begins with, *= contains
Between them, from what binds tightest: ! not, & and, then , or ; or. Parentheses group.

All enrolled minions are meant, connected or not, by what they said last. A name that no minion has is an error, and
--ignore-missing makes it a warning; other terms that match nobody are warnings. A minion that never said its facts is
left out by role=web, with a warning; where it is excluded or negated what it never said (-x role=db, role!=db), that is
an error that names it, and --assume-unknown goes on.")]
pub(super) struct Targets {
    /// The expression: names, globs, facts, and what joins them
    #[arg(value_name = "EXPR")]
    expression: String,
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    format: FormatFlag,
    #[command(flatten)]
    full: FullFlag,
}

impl Targets {
    pub(super) async fn run(self, client: &Client) -> Result<Exit, CliError> {
        let (minions, warnings) = client.targets(self.selection.of(self.expression)).await?.said();
        show_minions(&minions, &warnings, self.format.format(), self.full)
    }
}
