//! The files of logs, and their lines.

use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use failure::{Each, Error, Lines, time_of};
use flate2::read::MultiGzDecoder;
use minion_sdk::job;

use crate::exports::minion::logs::logs::LogFile;

/// Where hosts keep their logs.
pub(crate) const FOLDER: &str = "/var/log";
/// The most files that are looked at.
const MOST_FILES: usize = 100_000;
/// How much is read at once.
const PIECE: usize = 64 << 10;
/// How much of a line is kept.
pub(crate) const MOST_OF_LINE: usize = 16 << 10;

/// The path of a file that an operator names.
///
/// # Errors
/// Where it is none, with what is.
pub(crate) fn path(name: &str) -> Result<PathBuf, Error> {
    let climbs = name.split('/').any(|step| step == "..");
    if name.is_empty() || name.len() > 4096 || climbs || name.chars().any(char::is_control) {
        return Err(Error::Invalid(format!(
            "`file` is no path: write it from \"/\" or from \"{FOLDER}\" on, without \"..\" and control characters"
        )));
    }
    // The whole path replaces the folder.
    Ok(Path::new(FOLDER).join(name))
}

/// Opens a file to read it.
///
/// # Errors
/// Where it cannot be opened, or is none.
pub(crate) fn open(path: &Path) -> Result<(File, Metadata), Error> {
    // Looked at first: opening a pipe would wait for somebody to write to it.
    let found = fs::metadata(path).map_err(|error| of_system(path, &error))?;
    if !found.is_file() {
        return Err(Error::Invalid(format!("\"{}\" is no file with lines", path.display())));
    }
    let file = File::open(path).map_err(|error| of_system(path, &error))?;
    Ok((file, found))
}

/// What it means that a file cannot be read.
pub(crate) fn of_system(path: &Path, error: &io::Error) -> Error {
    let path = path.display();
    match error.kind() {
        ErrorKind::NotFound => Error::NotFound(format!(
            "there is no file \"{path}\", or it is in no folder that the module is granted"
        )),
        ErrorKind::PermissionDenied => Error::Denied(format!("\"{path}\" may not be read ({error})")),
        _ => Error::Other(format!("\"{path}\" cannot be read: {error}")),
    }
}

/// All files below a folder, by their paths. What may not be looked into is left out.
///
/// # Errors
/// Where the folder itself cannot be listed.
pub(crate) fn below(folder: &Path) -> Result<Vec<LogFile>, Error> {
    let (mut files, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(next) = folders.pop() {
        let listed = match fs::read_dir(&next) {
            Ok(listed) => listed,
            Err(error) if next == folder => return Err(of_system(folder, &error)),
            Err(_) => continue,
        };
        for entry in listed.flatten() {
            // Links lead to what is counted where it lies.
            let Ok(found) = fs::symlink_metadata(entry.path()) else { continue };
            if found.is_dir() {
                folders.push(entry.path());
            } else if found.is_file() {
                files.push(log_file(&entry.path(), &found));
            }
        }
        if files.len() + folders.len() > MOST_FILES {
            return Err(Error::Other(format!("\"{}\" has more than {MOST_FILES} files", folder.display())));
        }
        if job::cancelled() {
            return Err(Error::Cancelled);
        }
    }
    files.sort_unstable_by(|one: &LogFile, other| one.path.cmp(&other.path));
    Ok(files)
}

fn log_file(path: &Path, found: &Metadata) -> LogFile {
    let modified = time_of(found.modified().unwrap_or(UNIX_EPOCH));
    LogFile { path: path.display().to_string(), size: found.len(), modified }
}

/// What was rotated away from a file and the file itself, in the order in which they were written.
///
/// # Errors
/// Where its folder cannot be listed.
pub(crate) fn with_rotated(path: &Path) -> Result<Vec<PathBuf>, Error> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str())) else {
        return Ok(vec![path.to_owned()]);
    };
    let mut rotated: Vec<(SystemTime, PathBuf)> = Vec::new();
    for entry in fs::read_dir(folder).map_err(|error| of_system(folder, &error))?.flatten() {
        let other = entry.file_name();
        let Some(ending) = other.to_str().and_then(|other| other.strip_prefix(name)) else { continue };
        let found = fs::metadata(entry.path());
        if let (true, Ok(found)) = (is_rotation(ending), found)
            && found.is_file()
        {
            rotated.push((found.modified().unwrap_or(UNIX_EPOCH), entry.path()));
        }
    }
    rotated.sort_unstable();
    Ok(rotated.into_iter().map(|(_, path)| path).chain([path.to_owned()]).collect())
}

/// Whether a name goes on as those do that `logrotate` gives: `.1`, `.2.gz`, `-20260701`, `-20260701-1782864000.gz`.
fn is_rotation(ending: &str) -> bool {
    let ending = ending.strip_suffix(".gz").unwrap_or(ending);
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match ending.split_at_checked(1) {
        Some((".", number)) => is_number(number),
        Some(("-", date)) => date.len() >= 8 && date.split('-').all(is_number),
        _ => false,
    }
}

/// Hands over the lines of a file, uncompressed, without their ends, the beginning of each that is long. `done` is called
/// now and then with how many bytes of lines were read.
///
/// # Errors
/// Where it cannot be read, the job is cancelled, or `each` fails.
pub(crate) fn lines(path: &Path, done: &mut dyn FnMut(u64), each: Each<'_>) -> Result<(), Error> {
    let (file, _) = open(path)?;
    let compressed = path.extension().is_some_and(|ending| ending == "gz");
    let mut source: Box<dyn Read> =
        if compressed { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) };
    let (mut splitter, mut buffer, mut total) = (Lines::of(MOST_OF_LINE), vec![0; PIECE], 0);
    loop {
        let length = source.read(&mut buffer).map_err(|error| of_system(path, &error))?;
        if length == 0 {
            break;
        }
        splitter.split(&buffer[..length], each)?;
        total += length as u64;
        done(total);
        if job::cancelled() {
            return Err(Error::Cancelled);
        }
    }
    splitter.end(each)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use minion_sdk::testing::Host;

    use super::*;

    #[test]
    fn a_file_is_named_from_the_folder_of_logs_on() {
        assert_eq!(path("syslog"), Ok(PathBuf::from("/var/log/syslog")));
        assert_eq!(path("nginx/error.log"), Ok(PathBuf::from("/var/log/nginx/error.log")));
        assert_eq!(path("/srv/app/log"), Ok(PathBuf::from("/srv/app/log")));
        for bad in ["", "../x", "a/../b", "a\0b", "a\nb", &"x".repeat(5000)] {
            assert!(matches!(path(bad), Err(Error::Invalid(_))), "{bad:?}");
        }
    }

    #[test]
    fn what_was_rotated_is_read_in_the_order_in_which_it_was_written() {
        let _host = Host::new();
        let dir = tempfile::tempdir().expect("a folder");
        let log = dir.path().join("syslog");
        let mut gz = GzEncoder::new(
            File::create(dir.path().join("syslog.2.gz")).expect("made"),
            Compression::default(),
        );
        gz.write_all(b"first\n").expect("written");
        gz.finish().expect("written");
        for (name, text, hour) in
            [("syslog.2.gz", None, 1), ("syslog.1", Some("second\n"), 2), ("syslog", Some("third"), 3)]
        {
            if let Some(text) = text {
                fs::write(dir.path().join(name), text).expect("written");
            }
            let file = File::options().append(true).open(dir.path().join(name)).expect("opened");
            file.set_modified(UNIX_EPOCH + std::time::Duration::from_secs(hour * 3600)).expect("set");
        }
        for other in ["syslog.conf", "syslog2", "syslog.1.bak", "auth.log.1"] {
            fs::write(dir.path().join(other), "other\n").expect("written");
        }
        let mut found = Vec::new();
        for path in with_rotated(&log).expect("listed") {
            let mut keep = |line: &[u8]| {
                found.push(String::from_utf8_lossy(line).into_owned());
                Ok(())
            };
            lines(&path, &mut |_| {}, &mut keep).expect("read");
        }
        assert_eq!(found, ["first", "second", "third"]);
        assert!(is_rotation("-20260701-1782864000.gz") && !is_rotation("-error") && !is_rotation(""));
        assert!(matches!(open(dir.path()), Err(Error::Invalid(_))));
        assert!(matches!(open(&dir.path().join("gone")), Err(Error::NotFound(_))));
    }
}
