//! Putting the bundled modules where a minion finds them.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::guests::{self, Workspace};

/// What became of one module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installed {
    /// Where it lies now.
    pub file: PathBuf,
    /// Whether it lay there already, byte for byte.
    pub change: Change,
}

/// Whether a file had to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is new, or differs from what was there.
    Written,
    /// It was there already.
    None,
}

/// Builds the bundled modules and puts them into a folder, which is made if it is missing.
///
/// Each file is written beside its place and renamed, so a minion that watches the folder never sees half of
/// one. Files that have not changed are left alone.
pub fn install(folder: &Path) -> anyhow::Result<Vec<Installed>> {
    let built = guests::build(Workspace::Plugins)?;
    copy(&built, &Workspace::Plugins.folder(), folder)
}

/// Copies the modules that there are sources of: what was built before they were removed or renamed may still lie there.
fn copy(from: &Path, sources: &Path, to: &Path) -> anyhow::Result<Vec<Installed>> {
    std::fs::create_dir_all(to).with_context(|| format!("making \"{}\"", to.display()))?;
    let mut installed = Vec::new();
    for entry in std::fs::read_dir(from).with_context(|| format!("reading \"{}\"", from.display()))? {
        let path = entry?.path();
        let is_module = path.extension().is_some_and(|extension| extension == "wasm");
        if is_module && path.file_stem().is_some_and(|name| sources.join(name).is_dir()) {
            installed.push(place(&path, to).with_context(|| format!("copying \"{}\"", path.display()))?);
        }
    }
    installed.sort_by(|a, b| a.file.cmp(&b.file));
    Ok(installed)
}

fn place(from: &Path, folder: &Path) -> anyhow::Result<Installed> {
    let name = from.file_name().context("it has no name")?;
    let (bytes, file) = (std::fs::read(from)?, folder.join(name));
    if std::fs::read(&file).is_ok_and(|there| there == bytes) {
        return Ok(Installed { file, change: Change::None });
    }
    machine::file::replace(&file, &bytes, 0o644)?;
    Ok(Installed { file, change: Change::Written })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_modules_with_sources_are_copied_and_only_when_they_changed() {
        let folder = || tempfile::tempdir().expect("a folder");
        let (from, sources, to) = (folder(), folder(), folder());
        let to = to.path().join("modules");
        std::fs::create_dir(sources.path().join("a")).expect("makes");
        std::fs::write(from.path().join("removed.wasm"), "1").expect("writes");
        std::fs::write(from.path().join("a.wasm"), "1").expect("writes");
        std::fs::write(from.path().join("a.d"), "not a module").expect("writes");
        let changes = || -> Vec<Change> {
            let installed = copy(from.path(), sources.path(), &to).expect("copies");
            installed.into_iter().map(|module| module.change).collect()
        };
        assert_eq!(changes(), [Change::Written]);
        assert_eq!(changes(), [Change::None]);
        std::fs::write(from.path().join("a.wasm"), "2").expect("writes");
        assert_eq!(changes(), [Change::Written]);
        assert_eq!(std::fs::read(to.join("a.wasm")).expect("reads"), b"2");
        assert_eq!(std::fs::read_dir(&to).expect("reads").count(), 1, "something was left behind");
    }
}
