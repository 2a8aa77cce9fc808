//! `overlord can`

use clap::Args;
use output::{Exit, print};
use serde_json::json;
use wire::document::text::line;
use wire::name::{MethodPath, OperatorName};

use super::selection::{Selection, with_warnings};
use super::{CliError, Format, FormatFlag};
use crate::client::Client;

/// Say whether an operator may call a method, and by which rule
///
/// Ends with 0 where it may on all minions that match, and with 1 otherwise. Everybody may ask about themselves;
/// administrators may ask about everybody.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord can bob service.restart 'web*'
  overlord can ci test.ping '*' --json")]
pub(super) struct Can {
    /// The operator
    operator: OperatorName,
    /// What it would run
    #[arg(value_name = "MODULE.METHOD")]
    method: MethodPath,
    /// On which minions
    target: String,
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    format: FormatFlag,
}

impl Can {
    pub(super) async fn run(self, client: &Client) -> Result<Exit, CliError> {
        let target = self.selection.of(self.target);
        let (permission, warnings) = client.can(self.operator, self.method, target).await?.said();
        let printed = match self.format.format() {
            Format::Json => {
                let document = json!({
                    "operator": permission.operator,
                    "method": permission.method,
                    "can": permission.can,
                    "allowed": permission.allowed,
                    "denied": permission.denied,
                    "rule": permission.rule,
                    "decided_by": permission.roles,
                });
                print(with_warnings(document, &warnings))
            }
            Format::Text => print(format_args!(
                "{}: {}",
                if permission.can { "yes" } else { "no" },
                line(&permission.rule)
            )),
        };
        Exit::of(permission.can).after_printing(printed)
    }
}
