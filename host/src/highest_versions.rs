//! The highest version of each module that was ever in service on this minion and that a trusted signer vouched
//! for: `highest-versions.toml` in its folder. Older minions also noted versions that nobody vouched for.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

use machine::lock;
use wire::identity::{IdentityError, write_public};
use wire::name::ModuleName;

use crate::policy::signatures;

/// The versions that were in service, by which an older version is told from a new one.
pub struct HighestVersions {
    path: PathBuf,
    known: Mutex<Known>,
}

struct Known {
    highest: BTreeMap<ModuleName, String>,
    /// Whether the file says less than this, since it could not be written.
    unwritten: bool,
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
    /// The file holds something else.
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
    /// Reads a file. Where there is none, nothing was ever in service.
    ///
    /// # Errors
    /// [`HighestVersionsError::Read`] or [`HighestVersionsError::Spoiled`].
    pub fn open(path: &Path) -> Result<Self, HighestVersionsError> {
        let spoiled = |cause: String| HighestVersionsError::Spoiled { path: path.to_owned(), cause };
        let highest = match std::fs::read_to_string(path) {
            Ok(text) => toml::from_str(&text).map_err(|error| spoiled(error.message().to_owned()))?,
            Err(error) if error.kind() == ErrorKind::NotFound => BTreeMap::new(),
            Err(source) => return Err(HighestVersionsError::Read { path: path.to_owned(), source }),
        };
        Ok(Self { path: path.to_owned(), known: Mutex::new(Known { highest, unwritten: false }) })
    }

    /// The highest version of a module that was ever in service; `None` where none had a version that can be
    /// compared.
    pub fn highest(&self, module: &ModuleName) -> Option<String> {
        self.known().highest.get(module).cloned()
    }

    /// Notes that a version of a module came into service. It is written down before this returns, where it is
    /// higher than those before. What cannot be written is known until the process ends, and written with the
    /// next.
    ///
    /// # Errors
    /// [`HighestVersionsError::Write`], where the file cannot be written.
    pub fn note(&self, module: &ModuleName, version: Option<&str>) -> Result<(), HighestVersionsError> {
        // The lock is held while the file is written, so that the file is never older than what was noted last.
        let mut known = self.known();
        let before = known.highest.get(module).map(String::as_str);
        let highest = signatures::highest(before, version);
        if highest == before && !known.unwritten {
            return Ok(());
        }
        if let Some(highest) = highest.map(str::to_owned) {
            known.highest.insert(module.clone(), highest);
        }
        known.unwritten = true;
        let text = toml::to_string(&known.highest).map_err(|error| HighestVersionsError::Spoiled {
            path: self.path.clone(),
            cause: error.to_string(),
        })?;
        write_public(&self.path, text.as_bytes())?;
        known.unwritten = false;
        Ok(())
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        lock::hold(&self.known)
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
    fn what_could_not_be_written_is_known_all_the_same_and_written_with_the_next() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("later").join("highest-versions.toml");
        let name: ModuleName = "disk".parse().expect("a name");
        let versions = HighestVersions::open(&path).expect("opened");
        versions.note(&name, Some("1.0.0")).expect_err("no folder");
        assert_eq!(versions.highest(&name).as_deref(), Some("1.0.0"));
        std::fs::create_dir(dir.path().join("later")).expect("made");
        versions.note(&name, Some("1.0.0")).expect("noted");
        let again = HighestVersions::open(&path).expect("opened");
        assert_eq!(again.highest(&name).as_deref(), Some("1.0.0"));
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
