//! The module `disk` in Rust. What each method does is said in `../wit/disk.wit`.

use std::fs;
use std::io;

use minion_sdk::{job, log};

use exports::example::disk::disk::{DiskError, Entry, Guest, Report};

// Makes the types and the trait below from the WIT, and puts its documentation into the module.
minion_sdk::module!({ path: "../wit/disk.wit" });

struct Disk;

export!(Disk);

impl Guest for Disk {
    fn greet(name: String) -> String {
        format!("hello, {name}")
    }

    fn usage(paths: Vec<String>, threshold: Option<u64>) -> Result<Report, DiskError> {
        let mut report = Report { entries: Vec::new(), total: 0, warnings: Vec::new() };
        let count = paths.len() as u64;
        for (done, path) in (0..).zip(paths) {
            let mut entry = Entry { path, files: 0, bytes: 0, over: false };
            match fs::metadata(&entry.path) {
                Ok(about) if entry.path.starts_with('/') && about.is_dir() => {}
                Ok(_) if entry.path.starts_with('/') => return Err(DiskError::NotAFolder(entry.path)),
                _ => return Err(DiskError::NotFound(entry.path)),
            }
            let mut waiting = vec![entry.path.clone()];
            while let Some(folder) = waiting.pop() {
                if job::cancelled() {
                    return Err(DiskError::Cancelled);
                }
                job::progress(done, count, &folder);
                match add(&folder, &mut entry) {
                    Ok(below) => waiting.extend(below),
                    Err(_) => report.warnings.push(format!("cannot read \"{folder}\"")),
                }
            }
            entry.over = threshold.is_some_and(|threshold| entry.bytes > threshold);
            log::info!("{}: {} files, {} bytes", entry.path, entry.files, entry.bytes);
            report.total += entry.bytes;
            report.entries.push(entry);
        }
        job::progress(count, count, "");
        report.warnings.sort();
        Ok(report)
    }

    fn explode(message: String) {
        panic!("{message}");
    }
}

/// Adds the files of one folder to `entry`, and gives back the folders in it.
///
/// A folder counts whole or, where its names cannot be read to the end, not at all.
fn add(folder: &str, entry: &mut Entry) -> io::Result<Vec<String>> {
    let mut below = Vec::new();
    for item in fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()? {
        // What has gone since its name was read does not count.
        let Ok(about) = item.metadata() else { continue };
        if about.is_dir() {
            below.push(format!("{folder}/{}", item.file_name().to_string_lossy()));
        } else if about.is_file() {
            entry.files += 1;
            entry.bytes += about.len();
        }
    }
    Ok(below)
}
