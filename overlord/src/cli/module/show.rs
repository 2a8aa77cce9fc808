//! `overlord module show`

use clap::Args;
use serde_json::{Value, json};
use wire::module::Module;
use wire::name::{MinionName, ModuleName};
use wire::operator::Target;

use super::super::output::print;
use super::super::{CliError, Exit, Format, FormatFlag};
use super::kinds::kinds;
use crate::client::Client;

/// Show a module: its versions and who has them, what it exports, and what it imports
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord module show test
  overlord module show test 'web*' --json")]
pub(in crate::cli) struct Show {
    /// Which module
    module: ModuleName,
    /// Whose
    #[arg(default_value = "*")]
    target: String,
    /// Leave these minions out, whatever TARGET says
    #[arg(short = 'x', long, value_name = "EXPR")]
    exclude: Option<String>,
    #[command(flatten)]
    format: FormatFlag,
}

impl Show {
    pub(super) async fn run(self, client: &Client) -> Result<Exit, CliError> {
        let target = Target { expression: self.target, exclude: self.exclude };
        let minions = modules_named(client, target, &self.module).await?;
        let kinds = kinds(&minions);
        match self.format.format() {
            Format::Json => {
                let versions: Vec<Value> = kinds
                    .iter()
                    .map(|kind| {
                        let mut document = kind.module.document();
                        document["minions"] = json!(kind.minions);
                        document
                    })
                    .collect();
                print(json!({ "module": self.module, "versions": versions }))?;
            }
            Format::Text => {
                for kind in &kinds {
                    let imports = kind.module.imports.join(", ");
                    print(format_args!("on {}\n{}\n", kind.who(), kind.module.description()))?;
                    print(format_args!("imports {imports}"))?;
                }
            }
        }
        Ok(Exit::Ok)
    }
}

/// The modules of this name that the targeted minions have; an error where none of them has it.
pub(in crate::cli) async fn modules_named(
    client: &Client,
    target: Target,
    name: &ModuleName,
) -> Result<Vec<(MinionName, Vec<Module>)>, CliError> {
    let mut minions = client.modules(target).await?;
    for (_, modules) in &mut minions {
        modules.retain(|module| module.name == *name);
    }
    minions.retain(|(_, modules)| !modules.is_empty());
    if minions.is_empty() { Err(CliError::NoModule(name.clone())) } else { Ok(minions) }
}
