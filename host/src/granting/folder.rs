//! Granting a level of all modules that lie in a folder, at once.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use wire::name::ModuleName;

use super::policy::{Change, GrantError, Policy, Suggested, listed};
use crate::modules::{files_in, read_module};
use crate::policy::suggestion::USUAL_LEVEL;
use crate::policy::{LevelName, Suggestion};

/// What each module of a folder is granted, and what `minion.toml` says then.
#[derive(Debug)]
pub(crate) struct FolderGrants {
    /// What is written for each module.
    pub(crate) granted: Vec<(ModuleName, Change)>,
    /// The modules that are granted nothing, each with the reason, which reads on from its name.
    pub(crate) left_out: Vec<(ModuleName, String)>,
    /// The whole file.
    pub(crate) after: String,
}

/// Why nothing in a folder is granted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FolderGrantError {
    /// There is nothing to grant anything to.
    #[error(
        "there is no module in \"{}\" to grant anything: put the modules there first, or name their folder with \
         --modules", .0.display()
    )]
    NoModules(PathBuf),
    /// The folder cannot be read.
    #[error("cannot read \"{}\": {source}", .path.display())]
    Unreadable {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// None of the modules has this level.
    #[error("no module in \"{}\" suggests a level \"{level}\"; they suggest {}", .folder.display(), listed(.levels))]
    NoLevel {
        /// The folder.
        folder: PathBuf,
        /// What was asked for.
        level: LevelName,
        /// What there is.
        levels: Vec<LevelName>,
    },
    /// The policy is not one that can be added to.
    #[error(transparent)]
    Policy(#[from] GrantError),
}

impl FolderGrants {
    /// What is to be written so that each module of a folder has those of these levels that it suggests.
    ///
    /// One that suggests none of them, or whose table somebody wrote by hand, is left out. A level that no module suggests
    /// is an error, so that a misspelt one does not grant nothing in silence; but not the usual one.
    pub(crate) fn plan(
        folder: &Path,
        levels: &[LevelName],
        policy: &Policy<'_>,
    ) -> Result<Self, FolderGrantError> {
        let suggested = suggested_in(folder)?;
        check_levels(folder, levels, &suggested)?;
        let mut planned = Self { granted: Vec::new(), left_out: Vec::new(), after: policy.text.to_owned() };
        for (module, suggestion) in suggested {
            let suggestion = match suggestion {
                Ok(suggestion) => suggestion,
                Err(reason) => {
                    planned.left_out.push((module, reason));
                    continue;
                }
            };
            let wanted: Vec<LevelName> =
                levels.iter().filter(|level| suggestion.level(level).is_some()).cloned().collect();
            if wanted.is_empty() {
                let names: Vec<LevelName> =
                    suggestion.levels().iter().map(|level| level.name().clone()).collect();
                planned.left_out.push((module, format!("suggests {} and no such level", listed(&names))));
                continue;
            }
            let text = planned.after.clone();
            let so_far = Policy { path: policy.path.clone(), text: &text };
            match so_far.grant(&module, &suggestion, &wanted) {
                Ok(Some(change)) => {
                    planned.after.clone_from(&change.after);
                    planned.granted.push((module, change));
                }
                Ok(None) => planned.left_out.push((module, "has all of it already".to_owned())),
                Err(error @ GrantError::Unreadable { .. }) => return Err(error.into()),
                Err(error) => planned.left_out.push((module, format!("is not granted it: {error}"))),
            }
        }
        Ok(planned)
    }
}

type SuggestedIn = BTreeMap<ModuleName, Result<Suggestion, String>>;

/// What each module of a folder suggests, or why it suggests nothing.
fn suggested_in(folder: &Path) -> Result<SuggestedIn, FolderGrantError> {
    let files = match files_in(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => BTreeMap::new(),
        files => files.map_err(|source| FolderGrantError::Unreadable { path: folder.to_owned(), source })?,
    };
    if files.is_empty() {
        return Err(FolderGrantError::NoModules(folder.to_owned()));
    }
    let mut suggested = SuggestedIn::new();
    for (module, file) in files {
        let suggestion = match read_module(&file).map(|bytes| Suggested::by(&bytes)) {
            Ok(Suggested::Text(text)) => text.parse::<Suggestion>().map_err(|error| error.to_string()),
            Ok(Suggested::Nothing | Suggested::NoModule) => Err("suggests nothing".to_owned()),
            Ok(Suggested::Unreadable(cause)) => Err(format!("suggests what cannot be read ({cause})")),
            Err(error) => Err(format!("cannot be read: {error}")),
        };
        suggested.insert(module, suggestion);
    }
    Ok(suggested)
}

fn check_levels(
    folder: &Path,
    levels: &[LevelName],
    suggested: &SuggestedIn,
) -> Result<(), FolderGrantError> {
    let mut there: Vec<LevelName> = Vec::new();
    for level in suggested.values().flatten().flat_map(Suggestion::levels) {
        if !there.contains(level.name()) {
            there.push(level.name().clone());
        }
    }
    let unknown = levels.iter().find(|level| !there.contains(level) && level.as_str() != USUAL_LEVEL);
    match unknown {
        Some(level) => {
            Err(FolderGrantError::NoLevel { folder: folder.to_owned(), level: level.clone(), levels: there })
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A component that has nothing but what it suggests.
    fn component(policy: &str) -> Vec<u8> {
        let named = |bytes: &[u8]| [&[u8::try_from(bytes.len()).expect("short")], bytes].concat();
        let section = [named(b"minion:policy"), policy.as_bytes().to_vec()].concat();
        [b"\0asm\x0d\0\x01\0".to_vec(), vec![0], named(&section)].concat()
    }

    fn folder(modules: &[(&str, Vec<u8>)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, bytes) in modules {
            std::fs::write(folder.path().join(name), bytes).expect("written");
        }
        folder
    }

    fn plan(folder: &Path, levels: &[&str], text: &str) -> Result<FolderGrants, FolderGrantError> {
        let levels: Vec<LevelName> = levels.iter().map(|level| level.parse().expect("a level")).collect();
        FolderGrants::plan(folder, &levels, &Policy { path: "/m/minion.toml".into(), text })
    }

    #[test]
    fn each_module_has_what_it_suggests_and_the_others_are_named() {
        let folder = folder(&[
            ("both.wasm", component("[read]\nfacts = ['os']\n[manage]\nenv = ['A']\n")),
            ("looks.wasm", component("[read]\nfacts = ['os']\n")),
            ("acts.wasm", component("[act]\nenv = ['A']\n")),
            ("hand.wasm", component("[read]\nfacts = ['os']\n")),
            ("bad.wasm", component("[read\n")),
            ("none.wasm", b"\0asm\x0d\0\x01\0".to_vec()),
            ("looks.wasm.sig", b"signed".to_vec()),
        ]);
        let planned = plan(folder.path(), &["read"], "[modules.hand]\nenv = []\n").expect("planned");
        let names: Vec<&str> = planned.granted.iter().map(|(module, _)| module.as_str()).collect();
        assert_eq!(names, ["both", "looks"]);
        let left: Vec<&str> = planned.left_out.iter().map(|(module, _)| module.as_str()).collect();
        assert_eq!(left, ["acts", "bad", "hand", "none"], "{:?}", planned.left_out);
        assert!(planned.after.starts_with("[modules.hand]\nenv = []\n"), "{}", planned.after);
        assert!(planned.after.contains("`minion grant both:read` wrote"), "{}", planned.after);
        let all = plan(folder.path(), &["read", "manage"], "").expect("planned");
        assert!(all.after.contains("`minion grant both:read,manage` wrote"), "{}", all.after);
    }

    #[test]
    fn a_misspelt_level_and_an_empty_folder_are_errors() {
        let modules = folder(&[("looks.wasm", component("[look]\nfacts = ['os']\n"))]);
        let told = plan(modules.path(), &["raed"], "").expect_err("no such level").to_string();
        assert!(told.contains("\"raed\"") && told.contains("they suggest look"), "{told}");
        // That one is no mistake where no module has anything to read.
        assert_eq!(plan(modules.path(), &["read"], "").expect("planned").left_out.len(), 1);
        for nothing in [folder(&[]).path(), &modules.path().join("gone")] {
            let told = plan(nothing, &["read"], "").expect_err("nothing there").to_string();
            assert!(told.contains("no module in") && told.contains("--modules"), "{told}");
        }
        let told = plan(modules.path(), &["look"], "jobs = 3\n").expect_err("unreadable").to_string();
        assert!(told.contains("cannot be read as a configuration"), "{told}");
    }
}
