//! How full disks are: `df` and `du`.

use std::fs;

use disks::Counted;
use failure::{Error, run};
use host_files::errors::of_io;
use host_files::paths;
use minion_sdk::job;

use crate::exports::minion::files::files::{FileSystem, Usage};

/// What it counts in.
const BLOCK: u64 = 1024;

/// What a folder takes.
pub(crate) fn usage(path: &str) -> Result<Usage, Error> {
    let path = seen(path)?;
    job::progress(0, 0, "counting what is in the folder");
    let argv = ["du", "-s", "-k", "-x", "--", &path];
    let output = run(&argv)?;
    let text = output.stdout_text();
    let blocks = text.split_whitespace().next().and_then(|blocks| blocks.parse::<u64>().ok());
    match blocks.and_then(|blocks| blocks.checked_mul(BLOCK)) {
        Some(size) => Ok(Usage { path, size, complete: output.success() }),
        None => Err(failure::failed(&argv, &output)),
    }
}

/// The file systems, or the one that a path is in.
pub(crate) fn file_systems(path: Option<&str>) -> Result<Vec<FileSystem>, Error> {
    let path = path.map(seen).transpose()?;
    let shown = |one: disks::FileSystem| FileSystem {
        path: one.path,
        source: one.source,
        kind: one.kind,
        size: one.size,
        used_bytes: one.used,
        available_bytes: one.available,
    };
    Ok(disks::file_systems(path.as_deref(), Counted::Bytes)?.into_iter().map(shown).collect())
}

/// The path of what there is and may be seen, wherever links lead.
fn seen(path: &str) -> Result<String, Error> {
    let path = paths::followed(path)?;
    fs::symlink_metadata(&path).map_err(|error| of_io(&error, "look at", &path))?;
    Ok(path)
}
