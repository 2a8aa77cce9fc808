//! `minion grant MODULE[:LEVEL]`.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use output::{Confirm, Exit, Failure, note, print};
use serde_json::json;

use wire::message::module::ModuleState;
use wire::name::ModuleName;

use crate::cli::DirFlag;
use crate::cli::config_edit::ConfigEdit;
use crate::cli::config_edit::Reloaded;
use crate::cli::suggested::suggestion_of;
use crate::control;
use crate::folder::Folder;
use crate::granting::{Change, GrantError, listed};
use crate::policy::{Grants, LevelName, Suggestion};
use crate::sandbox::cautions;

/// Grant a module what it suggests, at one of its levels
///
/// Shows the lines that go into minion.toml, asks, writes them, and has the running minion read them. Levels add up; nothing
/// is taken away. What a module suggests, `minion check` shows.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  minion grant system
  minion grant service:manage --yes")]
pub(crate) struct Grant {
    /// The module, and its level [default: the only one, or read]
    #[arg(value_name = "MODULE[:LEVEL]")]
    what: What,
    /// Take what the module suggests from this file, where the minion does not have it yet
    #[arg(long, value_name = "FILE.wasm")]
    file: Option<PathBuf>,
    #[command(flatten)]
    confirm: Confirm,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

/// What is to be granted to whom.
#[derive(Clone, Debug)]
struct What {
    module: ModuleName,
    levels: Vec<LevelName>,
}

impl FromStr for What {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (module, levels) =
            text.split_once(':').map_or((text, None), |(module, levels)| (module, Some(levels)));
        let module = module.parse().map_err(|error| format!("{error}"))?;
        let levels =
            levels.map(|levels| levels.split(',').map(str::parse).collect::<Result<Vec<LevelName>, _>>());
        let levels = levels.transpose().map_err(|error| error.to_string())?.unwrap_or_default();
        Ok(Self { module, levels })
    }
}

impl Grant {
    pub(crate) async fn run(self, dir: &DirFlag) -> Result<Exit, Failure> {
        let folder = dir.made_folder()?;
        let module = &self.what.module;
        let suggestion = suggestion_of(module, self.file.as_deref(), &folder).await?;
        let wanted = self.wanted(&suggestion)?;
        let path = folder.config();
        let edit = ConfigEdit::begin(path.clone(), &self.confirm)?;
        let change = edit.policy().grant(module, &suggestion, &wanted).inspect_err(|error| {
            if let GrantError::ByHand { lines, .. } = error {
                note(lines);
            }
        })?;
        let Some(change) = change else {
            return self.nothing_changes(&wanted, &folder);
        };
        if !self.json {
            show(&change);
        }
        warn(module, &suggestion.policy(&change.levels).grants);
        if !self.confirm.asks(&format!("These lines go into \"{}\".", path.display()))? {
            note("nothing was changed");
            return Ok(Exit::Failed);
        }
        edit.write(&change.after)?;
        let reloaded = Reloaded::now(&folder).await?;
        match self.json {
            true => print(json!({
                "module": module.as_str(),
                "levels": change.levels.iter().map(LevelName::as_str).collect::<Vec<_>>(),
                "changed": true,
                "file": path.display().to_string(),
                "added": change.added,
                "removed": change.removed,
                "reload": reloaded.document(),
            }))?,
            false => {
                print(format_args!("granted {} to \"{module}\"; {reloaded}", listed(&change.levels)))?;
                if let Some(told) = not_in_service(module, &folder).await {
                    note(told);
                }
            }
        }
        Ok(Exit::Ok)
    }

    /// The levels that are named, or the one that is meant.
    fn wanted(&self, suggestion: &Suggestion) -> Result<Vec<LevelName>, Failure> {
        if !self.what.levels.is_empty() {
            return Ok(self.what.levels.clone());
        }
        let names: Vec<LevelName> = suggestion.levels().iter().map(|level| level.name().clone()).collect();
        let usual = suggestion.usual().ok_or_else(|| {
            let module = &self.what.module;
            Failure::failed(format_args!(
                "\"{module}\" suggests the levels {}: name one, as in `minion grant {module}:{}`",
                listed(&names),
                names[0]
            ))
        })?;
        Ok(vec![usual.name().clone()])
    }

    fn nothing_changes(&self, wanted: &[LevelName], folder: &Folder) -> Result<Exit, Failure> {
        let (module, path) = (&self.what.module, folder.config());
        match self.json {
            true => print(json!({
                "module": module.as_str(),
                "levels": wanted.iter().map(LevelName::as_str).collect::<Vec<_>>(),
                "changed": false,
                "file": path.display().to_string(),
            })),
            false => print(format_args!(
                "\"{module}\" has all of {} already: nothing changes in \"{}\"",
                listed(wanted),
                path.display()
            )),
        }?;
        Ok(Exit::Ok)
    }
}

/// What to say where the running minion has the module, and the version that was granted something is not in service.
async fn not_in_service(module: &ModuleName, folder: &Folder) -> Option<String> {
    // Where no minion runs, there is nothing to be said of its modules.
    let modules = control::modules(folder.dir(), &folder.socket()).await.ok()?;
    let found = modules.into_iter().find(|found| found.name == *module)?;
    if found.versions.iter().any(|version| version.state == ModuleState::Staged) {
        return Some(format!(
            "\"{module}\" is ready, and comes into service when `overlord module push` brings it again, or by itself where \
             it is assigned"
        ));
    }
    match found.state {
        ModuleState::Failed(reason) => Some(format!("\"{module}\" is not in service: it {reason}")),
        _ => None,
    }
}

/// Says of what is granted that gives more than it seems to.
pub(super) fn warn(module: &ModuleName, grants: &Grants) {
    for warning in cautions(grants) {
        note(format_args!("warning: \"{module}\" {warning}"));
    }
}

/// What goes and what comes, line by line.
pub(super) fn show(change: &Change) {
    let lines = |sign: char, text: &Option<String>| {
        let lines: Vec<String> =
            text.iter().flat_map(|text| text.lines()).map(|line| format!("{sign} {line}")).collect();
        lines
    };
    let shown = [lines('-', &change.removed), lines('+', &change.added)].concat();
    note(shown.join("\n"));
}
