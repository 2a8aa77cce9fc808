//! Finding what a module suggests that it be granted.

use std::path::{Path, PathBuf};

use output::{Context as _, Failure};
use wire::name::ModuleName;

use crate::config::Config;
use crate::control::{self, ControlError};
use crate::folder::Folder;
use crate::granting::Suggested;
use crate::modules::{read_module, waiting_in};
use crate::policy::Suggestion;

/// What a module suggests: by this file, or else as the running minion has it, or else by its modules folder.
pub(super) async fn suggestion_of(
    module: &ModuleName,
    file: Option<&Path>,
    folder: &Folder,
) -> Result<Suggestion, Failure> {
    let suggested = match file {
        Some(file) => of_file(file)?,
        None => match control::suggested(folder.dir(), &folder.socket(), module.clone()).await {
            Ok(suggested) => suggested,
            Err(ControlError::NotRunning(_)) => of_folder(module, folder)?,
            Err(error) => return Err(error.into()),
        },
    };
    match suggested {
        Suggested::Text(text) => text.parse().map_err(Failure::failed),
        Suggested::Nothing => Err(Failure::failed(format_args!(
            "\"{module}\" suggests nothing: write [modules.{module}] into minion.toml, as docs/grants.md says; what it \
             needs, `minion check` shows"
        ))),
        Suggested::Unreadable(cause) => Err(Failure::failed(format_args!(
            "what \"{module}\" suggests cannot be read ({cause}): ask its author, or write it by hand"
        ))),
        Suggested::NoModule => Err(Failure::failed(format_args!(
            "there is no module \"{module}\" here: see `minion modules`, or name its file with --file FILE.wasm"
        ))),
    }
}

fn of_file(file: &Path) -> Result<Suggested, Failure> {
    let bytes = read_module(file).with_context(|| format!("cannot read \"{}\"", file.display()))?;
    Ok(Suggested::by(&bytes))
}

/// What a module of a minion that does not run suggests: its version that waits for a grant, or else its file, or else the
/// version of it that came last.
fn of_folder(module: &ModuleName, folder: &Folder) -> Result<Suggested, Failure> {
    let modules = Config::load(&folder.config())?.modules_dir.unwrap_or_else(|| folder.modules());
    let file = modules.join(format!("{module}.wasm"));
    let found = waiting_in(&folder.versions(), module)
        .or_else(|| file.exists().then_some(file))
        .or_else(|| newest(&folder.versions().join(module.as_str())));
    found.map_or(Ok(Suggested::NoModule), |file| of_file(&file))
}

/// The module's file in a folder that was written last.
fn newest(folder: &Path) -> Option<PathBuf> {
    let entries = std::fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path());
    let modules = entries.filter(|path| path.extension().is_some_and(|extension| extension == "wasm"));
    modules.max_by_key(|path| path.metadata().and_then(|found| found.modified()).ok())
}
