//! `minion modules`.

use clap::Args;
use output::{Column, Exit, Failure, FullFlag, Table, print, show};
use serde_json::{Value, json};

use wire::message::module::{Module, ModuleState, ModuleVersion};

use crate::cli::DirFlag;
use crate::control;

/// Show the modules of the running minion
#[derive(Debug, Args)]
pub(crate) struct Modules {
    /// Only this one, with its methods
    module: Option<String>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    full: FullFlag,
}

impl Modules {
    pub(crate) async fn run(self, dir: &DirFlag) -> Result<Exit, Failure> {
        let folder = dir.folder()?;
        let mut modules = control::modules(folder.dir(), &folder.socket()).await?;
        if let Some(name) = &self.module {
            modules.retain(|module| module.name.as_str() == name);
            Failure::unless(
                !modules.is_empty(),
                format_args!("the minion has no module \"{name}\": see `minion modules`"),
            )?;
        }
        if self.json {
            let documents: Vec<Value> = modules.iter().map(Module::document).collect();
            print(json!({ "modules": documents }))?;
        } else if let (Some(_), [module]) = (&self.module, modules.as_slice()) {
            print(module.description())?;
        } else {
            show(&table(&modules).shown(self.full.reader()))?;
        }
        Ok(Exit::Ok)
    }
}

pub(super) fn table(modules: &[Module]) -> Table {
    let columns = [
        Column::whole("MODULE"),
        Column::whole("VERSION"),
        Column::whole("DIGEST").minor(),
        Column::whole("METHODS").minor(),
        Column::whole("STATE"),
        Column::wrapped("ABOUT", 20, 120),
    ];
    Table::new(columns).with(modules.iter().flat_map(rows))
}

/// A row for what serves, and one for each other version.
fn rows(module: &Module) -> Vec<Vec<String>> {
    let others = module.versions.iter().filter(|version| version.digest != module.digest);
    std::iter::once(row(module)).chain(others.map(|version| version_row(module, version))).collect()
}

fn version_row(module: &Module, version: &ModuleVersion) -> Vec<String> {
    let about = match &version.state {
        ModuleState::Failed(reason) => format!("it {reason}"),
        _ => String::new(),
    };
    vec![
        module.name.to_string(),
        version.version.clone().unwrap_or_else(|| "-".to_owned()),
        version.digest.short(),
        "-".to_owned(),
        version.state.as_str().to_owned(),
        about,
    ]
}

fn row(module: &Module) -> Vec<String> {
    let about = match &module.state {
        ModuleState::Failed(reason) => format!("it {reason}"),
        _ => module.description.clone().unwrap_or_default(),
    };
    vec![
        module.name.to_string(),
        module.version.clone().unwrap_or_else(|| "-".to_owned()),
        module.digest.short(),
        module.count_of_methods(),
        module.state.as_str().to_owned(),
        about,
    ]
}
