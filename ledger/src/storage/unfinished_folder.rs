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

#[allow(clippy::unwrap_used)]
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leftovers_go_and_one_that_cannot_is_an_error() {
        let folder = crate::scratch::folder();
        let place = |name: &str| folder.path().join(name);
        clear(folder.path()).unwrap();
        fs::write(place(FIRST_JOURNAL), "a batch").unwrap();
        fs::create_dir(place(KEYSPACES)).unwrap();
        clear(folder.path()).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        // What is there is none of what the database makes.
        fs::create_dir(place(FIRST_JOURNAL)).unwrap();
        clear(folder.path()).unwrap_err();
        assert!(place(FIRST_JOURNAL).exists());
    }

    #[test]
    fn a_folder_that_was_made_is_left_alone() {
        let folder = crate::scratch::folder();
        for name in [VERSION, FIRST_JOURNAL] {
            fs::write(folder.path().join(name), "3").unwrap();
        }
        clear(folder.path()).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
