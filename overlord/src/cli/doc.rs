//! `overlord doc`

use std::collections::BTreeSet;

use clap::Args;
use output::{Column, Exit, FullFlag, Table, print, show};
use serde_json::{Value, json};
use wire::message::module::{Module, ModuleState};
use wire::message::operator::Target;
use wire::name::{MethodPath, MinionName, ModuleName};

use super::distinct_modules::{DistinctModule, distinct, modules_named, told};
use super::selection::{Selection, with_warnings};
use super::{CliError, Format, FormatFlag};
use crate::client::Client;

/// Say what modules and methods do
///
/// Without a name it lists the modules with a line about each. Where minions have different versions, each is shown with
/// the minions that have it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord doc
  overlord doc test
  overlord doc test.add
  overlord doc 'web*' test.add --json
  overlord doc test --markdown > test.md")]
pub(in crate::cli) struct Doc {
    /// [TARGET] MODULE[.METHOD]
    #[arg(value_name = "[TARGET] MODULE[.METHOD]", num_args = 0..=2)]
    words: Vec<String>,
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    format: FormatFlag,
    /// Print a page of Markdown about MODULE
    #[arg(long, conflicts_with_all = ["json", "full"])]
    markdown: bool,
    #[command(flatten)]
    full: FullFlag,
}

impl Doc {
    pub(in crate::cli) async fn run(mut self, client: &Client) -> Result<Exit, CliError> {
        let name = self.words.pop();
        let expression = self.words.pop().unwrap_or_else(|| "*".to_owned());
        let target = self.selection.of(expression);
        match name {
            Some(name) if self.markdown => pages(client, target, &name).await,
            None if self.markdown => Err(CliError::Usage("give the MODULE that the page is about")),
            None => list(client, target, self.format.format(), self.full).await,
            Some(name) => one(client, target, &name, self.format.format()).await,
        }
    }
}

async fn list(client: &Client, target: Target, format: Format, full: FullFlag) -> Result<Exit, CliError> {
    let (minions, warnings) = client.modules(target).await?.said();
    let minions = in_service(told(minions));
    let modules = distinct(&minions);
    match format {
        Format::Json => {
            let documents: Vec<Value> = modules.iter().map(|known| known.module.document()).collect();
            print(with_warnings(json!({ "modules": documents }), &warnings))?;
        }
        Format::Text => show(&table(&modules).shown(full.reader()))?,
    }
    Ok(Exit::Ok)
}

/// The modules with a line about each.
pub(super) fn table(modules: &[DistinctModule<'_>]) -> Table {
    let columns = [
        Column::whole("MODULE"),
        Column::whole("VERSION"),
        Column::cut("MINIONS", 12, 60).minor(),
        Column::cut("ABOUT", 20, 100),
    ];
    let row = |known: &DistinctModule<'_>| {
        let about = known.module.description.clone().unwrap_or_default();
        let version = known.module.version.clone().unwrap_or_else(|| "-".to_owned());
        [known.module.name.to_string(), version, known.who(), about]
    };
    Table::new(columns).with(modules.iter().map(row))
}

async fn one(client: &Client, target: Target, name: &str, format: Format) -> Result<Exit, CliError> {
    let path = name.contains('.').then(|| name.parse::<MethodPath>()).transpose()?;
    let module: ModuleName = match &path {
        Some(path) => path.module.clone(),
        None => name.parse()?,
    };
    let (minions, warnings) = modules_named(client, target, &module).await?;
    let minions = in_service(minions);
    let modules = distinct(&minions);
    let differ = modules.len() > 1;
    let mut documents = Vec::new();
    for known in &modules {
        let text = match &path {
            Some(path) => known.module.method_description(known.module.method(&path.method)?),
            None => known.module.description(),
        };
        documents.push(document(known.module, path.as_ref())?);
        if format == Format::Text {
            if differ {
                print(format_args!("on {}:", known.who()))?;
            }
            print(text)?;
        }
    }
    if format == Format::Json {
        print(with_warnings(json!({ "versions": documents }), &warnings))?;
    }
    Ok(Exit::Ok)
}

/// A page for each version of a module that is in service.
async fn pages(client: &Client, target: Target, name: &str) -> Result<Exit, CliError> {
    let (minions, _) = modules_named(client, target, &name.parse()?).await?;
    let minions = in_service(minions);
    for known in distinct(&minions) {
        print(known.module.page())?;
    }
    Ok(Exit::Ok)
}

/// Leaves out what is not in service, of modules that are in service anywhere.
fn in_service(mut minions: Vec<(MinionName, Vec<Module>)>) -> Vec<(MinionName, Vec<Module>)> {
    let serves = |module: &&Module| module.state == ModuleState::Active;
    let served = minions.iter().flat_map(|(_, modules)| modules.iter().filter(serves));
    let served: BTreeSet<ModuleName> = served.map(|module| module.name.clone()).collect();
    for (_, modules) in &mut minions {
        modules.retain(|module| serves(&module) || !served.contains(&module.name));
    }
    minions
}

/// The module, with only the method that was asked for.
fn document(module: &Module, path: Option<&MethodPath>) -> Result<Value, CliError> {
    Ok(match path {
        Some(path) => module.document_of(std::iter::once(module.method(&path.method)?)),
        None => module.document(),
    })
}
