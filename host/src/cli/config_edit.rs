//! The configuration while a command changes it: read, shown to whoever is asked, written where it is still what was shown, and
//! read again by the running minion.

use std::fmt;
use std::path::{Path, PathBuf};

use output::{Confirm, Context as _, Failure};
use serde_json::{Value, json};

use crate::control::{self, ControlError};
use crate::folder::Folder;
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

/// What came of having the running minion read its configuration again.
pub(super) enum Reloaded {
    /// It did, and this is what changed.
    Done(Vec<String>),
    /// No minion runs in this folder.
    NotRunning,
}

impl Reloaded {
    /// Has the minion of a folder read its configuration, if it runs. Fails where it runs and does not.
    pub(super) async fn now(folder: &Folder) -> Result<Self, Failure> {
        let written = "the lines are written, and not in force yet";
        match control::reload(folder.dir(), &folder.socket()).await {
            Ok(Ok(changes)) => Ok(Self::Done(changes)),
            Ok(Err(reason)) => Err(Failure::failed(format_args!(
                "{written}: {reason}; send the minion a SIGHUP, or start it again"
            ))),
            Err(ControlError::NotRunning(_)) => Ok(Self::NotRunning),
            Err(error) => {
                let said = format_args!("{written}: {error}; send the minion a SIGHUP, or start it again");
                Err(Failure::failed(said))
            }
        }
    }

    pub(super) fn document(&self) -> Value {
        match self {
            Self::Done(changes) => json!({ "reloaded": true, "changes": changes }),
            Self::NotRunning => json!({ "reloaded": false, "changes": [] }),
        }
    }
}

impl fmt::Display for Reloaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done(_) => f.write_str("the running minion has it in force"),
            Self::NotRunning => f.write_str("no minion runs here: it is in force when one starts"),
        }
    }
}
