//! The files of one audit log: the one that is written, and the earlier ones, which are numbered.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt as _;
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

/// Opens all files of one moment: a daemon that goes on in another file meanwhile changes nothing about them.
pub(super) fn open_all(path: &Path) -> io::Result<Vec<(PathBuf, File)>> {
    for _ in 0..ATTEMPTS {
        let (current, earlier) = (open_one(path)?, earlier(path)?);
        let mut files = Vec::new();
        for (_, path) in &earlier {
            files.extend(open_one(path)?.map(|file| (path.clone(), file)));
        }
        let all_there = files.len() == earlier.len();
        let inode_of = |file: Option<File>| file.as_ref().map(inode).transpose();
        let was = current.as_ref().map(inode).transpose()?;
        if !all_there || was != inode_of(open_one(path)?)? || self::earlier(path)? != earlier {
            continue;
        }
        files.extend(current.map(|file| (path.to_owned(), file)));
        if files.is_empty() {
            return Err(io::ErrorKind::NotFound.into());
        }
        return Ok(files);
    }
    Err(io::Error::other(format!("the files in \"{}\" change all the time", folder(path).display())))
}

pub(super) fn open_one(path: &Path) -> io::Result<Option<File>> {
    match File::open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// What tells a file from another one that has its name.
pub(super) fn inode(file: &File) -> io::Result<u64> {
    Ok(file.metadata()?.ino())
}

/// How often the files are looked for again where they change meanwhile.
const ATTEMPTS: usize = 100;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_names_that_the_log_gives_are_earlier_files() {
        let path = Path::new("/log/audit.jsonl");
        for earlier in [1, 2, 10, u64::MAX] {
            let name = numbered(path, earlier);
            assert_eq!(folder(&name), Path::new("/log"));
            assert_eq!(number(path, &name.file_name().unwrap_or_default().to_string_lossy()), Some(earlier));
        }
        assert_eq!(numbered(path, 7), Path::new("/log/audit.7.jsonl"));
        assert_eq!(numbered(Path::new("audit"), 7), Path::new("audit.7"));
        for other in [
            "audit.jsonl",
            "audit.0.jsonl",
            "audit.07.jsonl",
            "audit.+7.jsonl",
            "audit.7.txt",
            "other.7.jsonl",
        ] {
            assert_eq!(number(path, other), None, "{other}");
        }
    }

    #[test]
    fn a_log_without_a_folder_is_in_the_present_one() {
        assert_eq!(folder(Path::new("audit.jsonl")), Path::new("."));
        assert_eq!(folder(Path::new("log/audit.jsonl")), Path::new("log"));
    }
}
