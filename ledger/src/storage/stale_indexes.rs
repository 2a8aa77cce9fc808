//! The note in a ledger's folder that its indexes may not fit its records.

use std::fs::{self, File};
use std::io;
use std::path::Path;

/// The name of a file that lies in the folder from when damage was found until the indexes were made anew.
const STALE: &str = "indexes-are-stale";

/// Makes the next opening of the folder make the indexes anew.
pub(super) fn mark(folder: &Path) -> io::Result<()> {
    File::create(folder.join(STALE))?.sync_all()
}

/// Whether the indexes may not fit the records.
pub(super) fn is_marked(folder: &Path) -> bool {
    folder.join(STALE).exists()
}

/// Takes note that the indexes fit the records.
pub(super) fn unmark(folder: &Path) -> io::Result<()> {
    fs::remove_file(folder.join(STALE))
}
