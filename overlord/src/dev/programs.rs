//! Where the programs and modules of a trial set-up are.

use std::path::{Path, PathBuf};

use super::DevError;

/// The files that a trial set-up runs.
#[derive(Debug)]
pub struct Programs {
    /// This program.
    pub(super) overlord: PathBuf,
    /// The minion's program, beside it.
    pub(super) minion: PathBuf,
    /// A folder with at least one module.
    pub(super) modules: PathBuf,
    /// How the minions have it.
    pub(super) share: Share,
}

/// How the minions of a trial set-up have their modules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Share {
    /// All of them watch the folder that the user named.
    One,
    /// Each has a copy, which a push changes for this minion alone.
    Copies,
}

impl Programs {
    /// Finds them, with the modules in the folder that is named or else in the usual ones.
    pub fn find(modules: Option<PathBuf>) -> Result<Self, DevError> {
        let overlord = std::env::current_exe().map_err(DevError::system("find this program's own file"))?;
        let minion = overlord.with_file_name("minion");
        if !minion.is_file() {
            return Err(DevError::NoMinionProgram(minion));
        }
        let beside = overlord.with_file_name("modules");
        let share = if modules.is_some() { Share::One } else { Share::Copies };
        let modules = match modules {
            Some(named) => named,
            None if !holds_modules(&beside) && holds_modules(Path::new(INSTALLED)) => INSTALLED.into(),
            None => beside,
        };
        if !holds_modules(&modules) {
            return Err(DevError::NoModules(modules));
        }
        let modules =
            modules.canonicalize().map_err(DevError::system(format!("find \"{}\"", modules.display())))?;
        Ok(Self { overlord, minion, modules, share })
    }

    /// The same, with a copy of the modules for each minion, which a push changes for this minion alone.
    pub fn copied(self) -> Self {
        Self { share: Share::Copies, ..self }
    }

    /// The minion's program.
    pub fn minion(&self) -> &Path {
        &self.minion
    }

    /// The folder of modules.
    pub fn modules(&self) -> &Path {
        &self.modules
    }

    /// The folder of the programs, to be searched first in `PATH`.
    pub(super) fn dir(&self) -> &Path {
        self.overlord.parent().unwrap_or(Path::new("/"))
    }
}

fn holds_modules(dir: &Path) -> bool {
    let Ok(entries) = dir.read_dir() else { return false };
    entries.flatten().any(|entry| entry.path().extension().is_some_and(|extension| extension == "wasm"))
}

/// Where a package of the system puts the bundled modules.
const INSTALLED: &str = "/usr/lib/minion/modules";
