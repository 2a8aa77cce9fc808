//! `overlord targets`

use clap::Args;
use wire::operator::Target;

use super::minion::show_minions;
use super::{CliError, Exit, FormatFlag};
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
Between them, from what binds tightest: ! not, & and, then , or ; or. Parentheses group.")]
pub(super) struct Targets {
    /// The expression: names, globs, facts, and what joins them
    #[arg(value_name = "EXPR")]
    expression: String,
    /// Leave these out, whatever the first expression says
    #[arg(short = 'x', long, value_name = "EXPR")]
    exclude: Option<String>,
    #[command(flatten)]
    format: FormatFlag,
}

impl Targets {
    pub(super) async fn run(self, client: &Client) -> Result<Exit, CliError> {
        let target = Target { expression: self.expression, exclude: self.exclude };
        show_minions(&client.targets(target).await?, self.format.format())
    }
}
