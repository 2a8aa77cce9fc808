//! The files of one audit log: the one that is written, and the earlier ones, which are numbered.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// When an audit log goes on in another file, and how many earlier files stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// The number of bytes from which on a file is full: the next entry goes into another one.
    pub size: u64,
    /// How many earlier files are kept. The oldest are removed first.
    pub files: usize,
}

impl Default for Rotation {
    /// Sixteen files of 16 MiB, the one that is written among them.
    fn default() -> Self {
        Self { size: 16 << 20, files: 15 }
    }
}

/// The earlier files of a log by number, the oldest first: `audit.7.jsonl` beside `audit.jsonl`.
pub(super) fn earlier(path: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder(path))? {
        let entry = entry?;
        if let Some(number) = entry.file_name().to_str().and_then(|name| number(path, name))
            && entry.file_type()?.is_file()
        {
            found.push((number, entry.path()));
        }
    }
    found.sort();
    Ok(found)
}

/// The path of an earlier file.
pub(super) fn numbered(path: &Path, number: u64) -> PathBuf {
    let (stem, extension) = parts(path);
    path.with_file_name(format!("{stem}.{number}{extension}"))
}

/// The folder that a log is in.
pub(super) fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."))
}

/// The paths of all files of an audit log that exist, in the order in which they were written.
///
/// # Errors
/// Where the folder cannot be read.
pub fn audit_files(path: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files: Vec<PathBuf> = earlier(path)?.into_iter().map(|(_, file)| file).collect();
    if path.try_exists()? {
        files.push(path.to_owned());
    }
    Ok(files)
}

fn number(path: &Path, name: &str) -> Option<u64> {
    let (stem, extension) = parts(path);
    let number = name.strip_prefix(&stem)?.strip_prefix('.')?.strip_suffix(&extension)?;
    // Only one way to write a number is taken, so that no two files have the same.
    number.parse().ok().filter(|parsed: &u64| *parsed > 0 && parsed.to_string() == number)
}

/// The name up to its last point, and the rest.
fn parts(path: &Path) -> (String, String) {
    let part = |part: Option<&std::ffi::OsStr>| part.unwrap_or_default().to_string_lossy().into_owned();
    let extension = path.extension().map(|extension| format!(".{}", extension.to_string_lossy()));
    (part(path.file_stem()), extension.unwrap_or_default())
}
