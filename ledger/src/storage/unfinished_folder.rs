//! Folders whose creation was interrupted.
//!
//! The database writes its version last when it makes a folder, and refuses the leftovers of an attempt that
//! was killed before that. Nothing was ever stored in them, so they are cleared away.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

const VERSION: &str = "version";

/// What the database makes before its version.
const FIRST_JOURNAL: &str = "0.jnl";
const KEYSPACES: &str = "keyspaces";

/// Removes what a killed attempt to make this folder left behind; does nothing to a folder that was made.
/// Nobody else may be making it.
pub(super) fn clear(folder: &Path) -> io::Result<()> {
    if fs::metadata(folder.join(VERSION)).is_ok_and(|version| version.len() > 0) {
        return Ok(());
    }
    for leftover in [VERSION, FIRST_JOURNAL] {
        absent_is_fine(fs::remove_file(folder.join(leftover)))?;
    }
    absent_is_fine(fs::remove_dir_all(folder.join(KEYSPACES)))
}

fn absent_is_fine(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
