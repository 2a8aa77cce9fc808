//! `overlord module show`

use clap::Args;
use output::{Exit, FullFlag, print, show};
use serde_json::{Value, json};
use wire::document::text::line;
use wire::message::module::Module;
use wire::message::operator::{RefusalKind, Target, TargetWarning};
use wire::name::{MinionName, ModuleName};

use super::super::selection::{Selection, with_warnings};
use super::super::{CliError, Format, FormatFlag};
use super::assignments::{status_document, table};
use super::catalogue::{kept_document, kept_table};
use super::kinds::{kinds, told};
use super::versions::{KnownVersion, version_table, versions};
use crate::client::{Client, ClientError};
use crate::report::named;

/// Show a module: its versions and who has them, what it exports and imports, and what is kept and assigned
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
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    format: FormatFlag,
    #[command(flatten)]
    full: FullFlag,
}

impl Show {
    pub(super) async fn run(self, client: &Client) -> Result<Exit, CliError> {
        let target = self.selection.of(self.target);
        let kept = client.catalogue(Some(self.module.clone())).await?;
        let mut assignments = client.assignments().await?;
        assignments.retain(|status| status.assignment.name == self.module);
        let (minions, warnings) = match modules_named(client, target, &self.module).await {
            // What nobody has yet may be on its way, to minions that are not there yet.
            Err(error) if is_nobody(&error) && !(kept.is_empty() && assignments.is_empty()) => {
                (Vec::new(), Vec::new())
            }
            minions => minions?,
        };
        let (kinds, versions) = (kinds(&minions), versions(&minions));
        match self.format.format() {
            Format::Json => {
                let kinds: Vec<Value> = kinds
                    .iter()
                    .map(|kind| {
                        let mut document = kind.module.document();
                        document["minions"] = named(kind.minions.iter().copied());
                        document
                    })
                    .collect();
                let document = json!({
                    "module": self.module,
                    "versions": kinds,
                    "known": versions.iter().map(KnownVersion::document).collect::<Vec<_>>(),
                    "catalogue": kept.iter().map(kept_document).collect::<Vec<_>>(),
                    "assignments": assignments.iter().map(status_document).collect::<Vec<_>>(),
                });
                print(with_warnings(document, &warnings))?;
            }
            Format::Text => {
                for kind in &kinds {
                    let imports = line(&kind.module.imports.join(", "));
                    // The versions stand below, for all minions at once.
                    let module = Module { versions: Vec::new(), ..kind.module.clone() };
                    print(format_args!("on {}\n{}\n", kind.who(), module.description()))?;
                    print(format_args!("imports {imports}\n"))?;
                }
                let reader = self.full.reader();
                if !versions.is_empty() {
                    show(&version_table(&versions).shown(reader))?;
                }
                if !kept.is_empty() {
                    print("\nin the overlord's catalogue")?;
                    show(&kept_table(&kept).shown(reader))?;
                }
                if !assignments.is_empty() {
                    print("\nassigned")?;
                    show(&table(&assignments).shown(reader))?;
                }
            }
        }
        Ok(Exit::Ok)
    }
}

/// Whether nobody has the module, or there is nobody to have it.
fn is_nobody(error: &CliError) -> bool {
    match error {
        CliError::NoModule(_) => true,
        CliError::Client(ClientError::Refusal(refusal)) => refusal.kind == RefusalKind::NoMatch,
        _ => false,
    }
}

/// The modules of this name that the targeted minions have, and what is to be known of the target, which was said to
/// people; an error where none of them has it.
pub(in crate::cli) async fn modules_named(
    client: &Client,
    target: Target,
    name: &ModuleName,
) -> Result<(Vec<(MinionName, Vec<Module>)>, Vec<TargetWarning>), CliError> {
    let (minions, warnings) = client.modules_named(target, name.clone()).await?.said();
    if minions.is_empty() { Err(CliError::NoModule(name.clone())) } else { Ok((told(minions), warnings)) }
}
