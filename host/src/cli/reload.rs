//! Having the running minion read its configuration again.

use std::fmt;

use output::Failure;
use serde_json::{Value, json};

use crate::control::{self, ControlError};
use crate::folder::Folder;

/// What came of it.
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
