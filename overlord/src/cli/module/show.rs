//! `overlord module show`

use clap::Args;
use output::{Exit, FullFlag, print, show};
use serde_json::{Value, json};
use wire::document::text::line;
use wire::message::module::Module;
use wire::message::operator::RefusalKind;
use wire::name::ModuleName;

use super::super::distinct_modules::{distinct, modules_named};
use super::super::selection::{Selection, with_warnings};
use super::super::{CliError, Format, FormatFlag};
use super::assignments::{status_document, table};
use super::catalogue::{kept_document, kept_table};
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
        let (modules, versions) = (distinct(&minions), versions(&minions));
        match self.format.format() {
            Format::Json => {
                let documents: Vec<Value> = modules
                    .iter()
                    .map(|known| {
                        let mut document = known.module.document();
                        document["minions"] = named(known.minions.iter().copied());
                        document
                    })
                    .collect();
                let document = json!({
                    "module": self.module,
                    "versions": documents,
                    "known": versions.iter().map(KnownVersion::document).collect::<Vec<_>>(),
                    "catalogue": kept.iter().map(kept_document).collect::<Vec<_>>(),
                    "assignments": assignments.iter().map(status_document).collect::<Vec<_>>(),
                });
                print(with_warnings(document, &warnings))?;
            }
            Format::Text => {
                for known in &modules {
                    let imports = line(&known.module.imports.join(", "));
                    // The versions stand below, for all minions at once.
                    let module = Module { versions: Vec::new(), ..known.module.clone() };
                    print(format_args!("on {}\n{}\n", known.who(), module.description()))?;
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
