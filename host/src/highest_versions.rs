//! The highest version of each module that was ever in service on this minion: `highest-versions.toml` in its folder.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use wire::identity::{IdentityError, write_public};
use wire::name::ModuleName;

use crate::policy::signatures;

/// What was in service, so that a version that was left behind is told from a new one.
pub struct HighestVersions {
    path: PathBuf,
    highest: Mutex<BTreeMap<ModuleName, String>>,
}

/// Why the versions could not be read or kept.
#[derive(Debug, thiserror::Error)]
pub enum HighestVersionsError {
    /// The file cannot be read.
    #[error("cannot read \"{}\": {source}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file was spoiled.
    #[error(
        "\"{}\" is spoiled ({cause}): mend it, or remove it to forget which versions of modules were in service",
        .path.display()
    )]
    Spoiled {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        cause: String,
    },
    /// The file cannot be written.
    #[error(transparent)]
    Write(#[from] IdentityError),
}

impl HighestVersions {
    /// Reads a file; nothing was ever in service where there is none.
    pub fn open(path: &Path) -> Result<Self, HighestVersionsError> {
        let spoiled = |cause: String| HighestVersionsError::Spoiled { path: path.to_owned(), cause };
        let highest = match std::fs::read_to_string(path) {
            Ok(text) => toml::from_str(&text).map_err(|error| spoiled(error.message().to_owned()))?,
            Err(error) if error.kind() == ErrorKind::NotFound => BTreeMap::new(),
            Err(source) => return Err(HighestVersionsError::Read { path: path.to_owned(), source }),
        };
        Ok(Self { path: path.to_owned(), highest: Mutex::new(highest) })
    }

    /// The highest version of a module that was ever in service, where one had a version that can be compared.
    pub fn highest(&self, module: &ModuleName) -> Option<String> {
        self.highest.lock().unwrap_or_else(PoisonError::into_inner).get(module).cloned()
    }

    /// Notes that a version of a module came into service. Written down before this returns, where it is higher
    /// than those before.
    pub fn note(&self, module: &ModuleName, version: Option<&str>) -> Result<(), HighestVersionsError> {
        // Held over the writing, so that the file is never older than what was noted last.
        let mut known = self.highest.lock().unwrap_or_else(PoisonError::into_inner);
        let before = known.get(module).map(String::as_str);
        let Some(highest) = signatures::highest(before, version) else { return Ok(()) };
        if before == Some(highest) {
            return Ok(());
        }
        let highest = highest.to_owned();
        known.insert(module.clone(), highest);
        let text = toml::to_string(&*known).map_err(|error| HighestVersionsError::Spoiled {
            path: self.path.clone(),
            cause: error.to_string(),
        })?;
        Ok(write_public(&self.path, text.as_bytes())?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_version_survives_a_restart_and_lower_ones() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("highest-versions.toml");
        let [disk, other]: [ModuleName; 2] = ["disk", "other"].map(|name| name.parse().expect("a name"));
        let versions = HighestVersions::open(&path).expect("opened");
        for version in [Some("1.9.0"), Some("1.10.0"), Some("1.2.0"), Some("latest"), None] {
            versions.note(&disk, version).expect("noted");
        }
        versions.note(&other, Some("latest")).expect("noted");
        let again = HighestVersions::open(&path).expect("opened");
        assert_eq!(again.highest(&disk).as_deref(), Some("1.10.0"));
        assert_eq!(again.highest(&other), None);
    }

    #[test]
    fn a_spoiled_file_is_named_and_never_taken_for_an_empty_one() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("highest-versions.toml");
        for text in ["disk = 1", "disk", "\"a b\" = \"1.0.0\""] {
            std::fs::write(&path, text).expect("written");
            let error = HighestVersions::open(&path).err().expect("refused").to_string();
            assert!(error.contains("highest-versions.toml"), "{error}");
        }
    }
}
