//! What tests make up, here and in other crates: folders, and jobs that nobody asked for.

#[cfg(test)]
use std::path::Path;

#[cfg(test)]
use tempfile::TempDir;
use wire::message::job::JobId;
use wire::value::arguments::Arguments;

use crate::JobRecord;

/// A folder that lives as long as the test.
#[cfg(test)]
pub(crate) fn folder() -> TempDir {
    // In memory where there is such a place: what a test waits for otherwise is the disk.
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.expect("a folder")
}

/// A job of ann's for these minions, accepted when its id was made: `test.ping`, without arguments and options.
///
/// # Panics
/// Where the name of a minion is none.
pub fn job(id: JobId, targets: &[&str]) -> JobRecord {
    JobRecord {
        id,
        accepted_at: id.made_at(),
        operator: "ann".parse().expect("a name"),
        target: "*".into(),
        exclude: None,
        targets: targets.iter().map(|target| target.parse().expect("a name")).collect(),
        method: "test.ping".parse().expect("a method"),
        arguments: Arguments::Words(Vec::new()),
        timeout_ms: None,
        queue_until: None,
        dry_run: false,
        durable: false,
        batch: None,
        max_failures: None,
        rerun_of: None,
        patience_ms: None,
        mandate: None,
    }
}
