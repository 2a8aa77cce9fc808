//! New modules for authors to start from.

mod identifier;
mod language;

use std::fs;
use std::path::{Path, PathBuf};

use wire::name::ModuleName;

use self::identifier::Identifier;
pub use self::language::Language;
use self::language::Template;

/// Why there is no new module.
#[derive(Debug, thiserror::Error)]
pub enum ScaffoldError {
    /// There is something in the folder already.
    #[error("\"{}\" is there already and not empty: name another folder", .0.display())]
    Occupied(PathBuf),
    /// The folder cannot be looked into or written to.
    #[error("cannot write \"{}\": {cause}", .path.display())]
    Write {
        /// Which file or folder.
        path: PathBuf,
        /// Why not.
        cause: std::io::Error,
    },
}

/// What every new module has, in whatever language: its own WIT, and copies of all that it can ask its host for.
const COMMON: [Template; 8] = [
    ("wit/module.wit", include_str!("templates/module.wit")),
    ("wit/deps/facts/facts.wit", include_str!("../../../wit/facts/facts.wit")),
    ("wit/deps/job/job.wit", include_str!("../../../wit/job/job.wit")),
    ("wit/deps/kv/kv.wit", include_str!("../../../wit/kv/kv.wit")),
    ("wit/deps/probe/probe.wit", include_str!("../../../wit/probe/probe.wit")),
    ("wit/deps/log/log.wit", include_str!("../../../wit/log/log.wit")),
    ("wit/deps/process/process.wit", include_str!("../../../wit/process/process.wit")),
    ("wit/deps/settings/settings.wit", include_str!("../../../wit/settings/settings.wit")),
];

/// Makes a module in a folder of its own, which must not be there or be empty, and says which files it has.
///
/// Its `README.md` has the commands that build it; nothing around the folder is needed for that.
pub fn create(name: &ModuleName, language: Language, dir: &Path) -> Result<Vec<PathBuf>, ScaffoldError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |cause| ScaffoldError::Write { path, cause }
    };
    fs::create_dir_all(dir).map_err(failed(dir))?;
    if fs::read_dir(dir).map_err(failed(dir))?.next().is_some() {
        return Err(ScaffoldError::Occupied(dir.to_owned()));
    }
    let identifier = Identifier::of(name);
    let mut written = Vec::new();
    for (path, content) in COMMON.iter().chain(language.templates()) {
        let path = dir.join(identifier.fill(path));
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(failed(folder))?;
        }
        fs::write(&path, identifier.fill(content)).map_err(failed(&path))?;
        written.push(path);
    }
    Ok(written)
}

#[allow(clippy::unwrap_used)]
#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;
    use proptest::prelude::*;

    use super::*;
    use crate::{BindingsLanguage, Wit, write_bindings};

    fn made(name: &str, language: Language) -> (tempfile::TempDir, Vec<PathBuf>) {
        let folder = tempfile::tempdir().unwrap();
        let files = create(&name.parse().unwrap(), language, &folder.path().join("new")).unwrap();
        (folder, files)
    }

    #[test]
    fn every_language_has_a_readme_of_ten_lines_and_no_placeholder_is_left() {
        for language in Language::value_variants() {
            let (folder, files) = made("web-server_2", *language);
            let readme = fs::read_to_string(folder.path().join("new/README.md")).unwrap();
            assert!(readme.lines().count() <= 11, "{language:?}: {readme}");
            for file in files {
                let text = fs::read_to_string(&file).unwrap();
                assert!(!text.contains("{{"), "{} has {text}", file.display());
                assert!(!file.to_string_lossy().contains("{{"), "{}", file.display());
            }
        }
    }

    #[test]
    fn a_folder_that_is_in_use_is_left_alone() {
        let (folder, files) = made("a", Language::Rust);
        let again = create(&"b".parse().unwrap(), Language::C, &folder.path().join("new"));
        assert!(again.unwrap_err().to_string().contains("not empty"));
        assert!(files.iter().all(|file| file.exists()));
        assert!(!folder.path().join("new/module.c").exists());
    }

    #[test]
    fn go_finds_the_authors_part_where_the_bindings_look_for_it() {
        let (folder, _) = made("2-Fast_4you", Language::Go);
        let new = folder.path().join("new");
        write_bindings(&new.join("wit"), None, BindingsLanguage::Go, &new).unwrap();
        let exports = fs::read_to_string(new.join("wit_exports.go")).unwrap();
        let written =
            fs::read_dir(&new).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let own = written.filter(|name| name.starts_with("export_")).collect::<Vec<_>>();
        assert_eq!(own.len(), 1);
        assert!(exports.contains(&format!("\"wit_component/{}\"", own[0])), "{exports}");
    }

    proptest! {
        /// Names of modules may be what WIT does not take for a name.
        #[test]
        fn any_module_has_wit_that_can_be_read(name in "[a-zA-Z0-9_-]{1,64}|use|type|match|delete|a-8|_|2-a") {
            let (folder, _) = made(&name, Language::Js);
            let read = Wit::read(&folder.path().join("new/wit"), None);
            prop_assert!(read.is_ok(), "{}", read.err().map(|error| error.to_string()).unwrap_or_default());
        }
    }
}
