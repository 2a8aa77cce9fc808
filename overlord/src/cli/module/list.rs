//! `overlord module list`

use std::collections::BTreeSet;

use clap::Args;
use output::{Exit, FullFlag, print, show};
use serde_json::{Value, json};
use wire::message::inventory::Inventory;
use wire::message::module::{Module, ModuleState};
use wire::name::MinionName;

use super::super::distinct_modules::told;
use super::super::selection::{Selection, with_warnings};
use super::super::{CliError, Format, FormatFlag};
use super::catalogue::{catalogue_table, kept_document};
use super::versions::{list_table, versions};
use crate::client::Client;

/// List the modules of minions, each version once with the minions that have it
///
/// Versions on their way into service, or out of it with jobs still running, have rows of their own.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord module list
  overlord module list 'web*' --json
  overlord module list --catalogue")]
pub(in crate::cli) struct List {
    /// Whose modules
    #[arg(default_value = "*")]
    target: String,
    #[command(flatten)]
    selection: Selection,
    /// List what the overlord keeps in its catalogue instead, whether or not a minion has it
    #[arg(long, conflicts_with_all = ["target", "exclude", "ignore_missing", "assume_unknown"])]
    catalogue: bool,
    #[command(flatten)]
    format: FormatFlag,
    #[command(flatten)]
    full: FullFlag,
}

impl List {
    pub(super) async fn run(self, client: &Client) -> Result<Exit, CliError> {
        if self.catalogue {
            return self.catalogue(client).await;
        }
        let (minions, warnings) = client.modules(self.selection.of(self.target)).await?.said();
        match self.format.format() {
            Format::Json => {
                print(with_warnings(document(&minions), &warnings))?;
            }
            Format::Text => {
                let left_out: Vec<String> = minions.iter().filter_map(left_out).collect();
                let minions = told(minions);
                let all = versions(&minions);
                // What is kept for going back is nothing to call: `module show` has it.
                let listed = all.iter().filter(|version| *version.state != ModuleState::Retired);
                show(&list_table(listed).shown(self.full.reader()))?;
                for line in left_out {
                    print(line)?;
                }
            }
        }
        Ok(Exit::Ok)
    }

    async fn catalogue(&self, client: &Client) -> Result<Exit, CliError> {
        let kept = client.catalogue(None).await?;
        match self.format.format() {
            Format::Json => {
                print(json!({ "catalogue": kept.iter().map(kept_document).collect::<Vec<_>>() }))?;
            }
            Format::Text => show(&catalogue_table(&kept).shown(self.full.reader()))?,
        }
        Ok(Exit::Ok)
    }
}

/// Who has which modules, and what is in each of them once, however many have it.
fn document(minions: &[(MinionName, Inventory)]) -> Value {
    let mut seen = BTreeSet::new();
    let all = minions.iter().flat_map(|(_, inventory)| &inventory.modules);
    let distinct = all.filter(|module| seen.insert((module.name.clone(), module.digest.to_string())));
    let mut modules: Vec<&Module> = distinct.collect();
    modules.sort_by(|a, b| (&a.name, &a.version).cmp(&(&b.name, &b.version)));
    let minion = |(name, inventory): &(MinionName, Inventory)| {
        let modules: Vec<_> = inventory.modules.iter().map(Module::standing).collect();
        json!({ "name": name, "modules": modules, "left_out_count": inventory.left_out })
    };
    json!({
        "minions": minions.iter().map(minion).collect::<Vec<_>>(),
        "modules": modules.into_iter().map(Module::contents).collect::<Vec<_>>(),
    })
}

/// What to say of a minion that has more modules than it could tell of.
fn left_out((minion, inventory): &(MinionName, Inventory)) -> Option<String> {
    let more = inventory.left_out;
    (more > 0).then(|| {
        format!("{minion} has {more} more that it had no room to tell of: see `minion modules` there")
    })
}
