//! The module `disk` in Rust. What each method does is said in `../wit/disk.wit`.

use std::fs;
use std::io;
use std::thread;
use std::time::Duration;

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
            let looking_into = |folder: &str| job::progress(done, count, folder);
            let mut entry = measure(path, &mut report.warnings, looking_into)?;
            entry.over = threshold.is_some_and(|threshold| entry.bytes > threshold);
            log::info!("{}: {} files, {} bytes", entry.path, entry.files, entry.bytes);
            report.total += entry.bytes;
            report.entries.push(entry);
        }
        job::progress(count, count, "");
        report.warnings.sort();
        if report.entries.iter().any(|entry| entry.over) { Err(DiskError::Over(report)) } else { Ok(report) }
    }

    fn watch(path: String, bytes: u64) -> Result<u64, DiskError> {
        loop {
            let found = measure(path.clone(), &mut Vec::new(), |_| {})?.bytes;
            job::progress(found, bytes, &path);
            if found >= bytes {
                return Ok(found);
            }
            thread::sleep(Duration::from_millis(100));
        }
    }

    fn explode(message: String) {
        panic!("{message}");
    }

    fn spin() {
        loop {
            std::hint::spin_loop();
        }
    }
}

/// Adds up what is below one path, telling each folder before it is looked into. Ends early when the job is cancelled.
fn measure(path: String, warnings: &mut Vec<String>, tell: impl Fn(&str)) -> Result<Entry, DiskError> {
    match fs::metadata(&path) {
        Ok(about) if path.starts_with('/') && about.is_dir() => {}
        Ok(_) if path.starts_with('/') => return Err(DiskError::NotAFolder(path)),
        _ => return Err(DiskError::NotFound(path)),
    }
    let mut waiting = vec![path.clone()];
    let mut entry = Entry { path, files: 0, bytes: 0, over: false };
    while let Some(folder) = waiting.pop() {
        if job::cancelled() {
            return Err(DiskError::Cancelled);
        }
        tell(&folder);
        match add(&folder, &mut entry) {
            Ok(below) => waiting.extend(below),
            Err(_) => warnings.push(format!("cannot read \"{folder}\"")),
        }
    }
    Ok(entry)
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
