//! Folders for tests.

use std::path::Path;

use tempfile::TempDir;

/// A folder that lives as long as the test.
#[allow(clippy::unwrap_used)]
pub(crate) fn folder() -> TempDir {
    // In memory where there is such a place: what a test waits for otherwise is the disk.
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.expect("a folder")
}
