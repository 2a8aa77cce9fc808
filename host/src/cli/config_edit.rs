//! The configuration while a command changes it: read, shown to whoever is asked, and written where it is still what was shown.

use std::path::{Path, PathBuf};

use output::{Confirm, Context as _, Failure};

use crate::granting::{self, LockedFile, Policy};

/// A configuration that is to be changed.
pub(super) struct ConfigEdit {
    path: PathBuf,
    /// Held from the start where nobody is asked, so that nothing comes between.
    early: Option<LockedFile>,
    before: String,
}

impl ConfigEdit {
    /// Reads the configuration in this file.
    pub(super) fn begin(path: PathBuf, confirm: &Confirm) -> Result<Self, Failure> {
        let early = confirm.is_given().then(|| LockedFile::lock(&path)).transpose();
        let early = early.with_context(|| cannot_write(&path))?;
        let before = granting::read(&path).with_context(|| format!("cannot read \"{}\"", path.display()))?;
        Ok(Self { path, early, before })
    }

    /// What it says of modules.
    pub(super) fn policy(&self) -> Policy<'_> {
        Policy { path: self.path.clone(), text: &self.before }
    }

    /// Writes it anew, where it still is as it was read.
    pub(super) fn write(self, after: &str) -> Result<(), Failure> {
        let Self { path, early, before } = self;
        let locked = early.map_or_else(|| LockedFile::lock(&path), Ok);
        locked.and_then(|file| file.write(&before, after)).with_context(|| cannot_write(&path))
    }
}

fn cannot_write(path: &Path) -> String {
    format!("cannot write \"{}\"", path.display())
}
