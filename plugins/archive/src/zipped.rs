//! Zips, entry by entry.

use std::fs::File;
use std::io::{self, BufReader, Read as _};

use failure::Error;
use zip::ZipArchive;
use zip::result::ZipError;

use crate::budget::{Budget, Stop};
use crate::entry::{Each, Found, What};

/// What a mode says of what it is for.
const KIND: u32 = 0o170_000;
const FILE: u32 = 0o100_000;
const FOLDER: u32 = 0o040_000;
const LINK: u32 = 0o120_000;

/// Hands over each entry.
pub(crate) fn each(file: File, budget: &Budget, each: Each<'_>) -> Result<(), Stop> {
    let mut archive = ZipArchive::new(BufReader::new(file)).map_err(stop)?;
    for index in 0..archive.len() {
        let entry = archive.by_index(index).map_err(stop)?;
        let name = entry.name().map_err(stop)?.into_owned();
        let (size, mode) = (entry.size(), entry.unix_mode());
        let kind = mode.map(|mode| mode & KIND).filter(|kind| *kind != 0);
        let is_folder = name.ends_with('/');
        // As much as is announced, and one more, which tells that there is more.
        let mut content = budget.over(entry).take(size.saturating_add(1));
        let what = match kind {
            Some(LINK) => {
                let mut target = Vec::new();
                content.by_ref().take(4097).read_to_end(&mut target)?;
                What::Link(String::from_utf8_lossy(&target).into_owned())
            }
            Some(FOLDER) => What::Folder,
            _ if is_folder => What::Folder,
            Some(FILE) | None => What::File,
            Some(_) => What::Other,
        };
        let is_file = what == What::File;
        let mode = mode.unwrap_or(if is_file { 0o644 } else { 0o755 });
        // A zip says times without their zone.
        let found = Found { name, what, size: if is_file { size } else { 0 }, mode, modified: None };
        each(found, &mut content)?;
    }
    Ok(())
}

fn stop(error: ZipError) -> Stop {
    match error {
        ZipError::UnsupportedArchive(what) => {
            Stop::Error(Error::Unsupported(format!("the zip cannot be read: {what}")))
        }
        ZipError::Io(error) => Stop::Damaged(error),
        error => Stop::Damaged(io::Error::other(error.to_string())),
    }
}
