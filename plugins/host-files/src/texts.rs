//! Files of the host's configuration: reading them, and putting others in their place, whole.
//!
//! They are read through the folders that the policy grants. They are written by the system's own programs, whose arguments name
//! the one file that is meant: a grant of its folder would be one of every file in that. A module whose folders are granted for
//! writing makes a [`Temporary`](crate::Temporary) there instead, which needs no programs.

use std::fs;
use std::io::{self, ErrorKind};

use failure::{Done, Error, change, change_with};
use minion_sdk::job;

/// How much of a file is repeated in a message.
const SHOWN: usize = 60;

/// The text of a file.
///
/// # Errors
/// Where there is none, or it is not granted.
pub fn read(path: &str) -> Result<String, Error> {
    found(path)?.ok_or_else(|| Error::NotFound(format!("this host has no {path}")))
}

/// The same, where the host may do without it.
///
/// # Errors
/// Where it is not granted.
pub fn found(path: &str) -> Result<Option<String>, Error> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) => absent(path, &error).map(|()| None),
    }
}

/// The same of a file that is to be replaced by another one with most of its lines: byte for byte.
///
/// # Errors
/// Where it is not granted, or is not text.
pub fn exact(path: &str) -> Result<Option<String>, Error> {
    match fs::read(path) {
        Ok(bytes) => match String::from_utf8(bytes) {
            Ok(text) => Ok(Some(text)),
            Err(_) => Err(Error::Other(format!("{path} is not text in UTF-8: change it by hand"))),
        },
        Err(error) => absent(path, &error).map(|()| None),
    }
}

/// A text with this line, which has its own end, in the place of the first of those that are meant, and without the others of
/// them; at the end where there is none. All other lines stay as they are.
pub fn with_line(text: &str, is_meant: impl Fn(&str) -> bool, line: Option<String>) -> String {
    let mut line = line;
    let mut kept = String::new();
    for there in text.split_inclusive('\n') {
        if is_meant(there) {
            kept.push_str(&line.take().unwrap_or_default());
        } else {
            kept.push_str(there);
        }
    }
    if line.is_some() && !kept.is_empty() && !kept.ends_with('\n') {
        kept.push('\n');
    }
    kept + &line.unwrap_or_default()
}

/// The text of a file, where nothing depends on it.
pub fn optional(path: &str) -> Option<String> {
    found(path).ok().flatten()
}

/// The one line of a file.
///
/// # Errors
/// Where there is none.
pub fn value(path: &str) -> Result<String, Error> {
    let text = read(path)?;
    match text.trim() {
        "" => Err(malformed(path, &text)),
        value => Ok(value.to_owned()),
    }
}

/// The names in a folder, in order; none where the host has no such folder.
///
/// # Errors
/// Where it is not granted.
pub fn names(folder: &str) -> Result<Vec<String>, Error> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => return absent(folder, &error).map(|()| Vec::new()),
    };
    let mut names: Vec<String> =
        entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort_unstable();
    Ok(names)
}

/// Nothing where a file is not there; else why it cannot be looked at.
fn absent(path: &str, error: &io::Error) -> Result<(), Error> {
    if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) {
        return Ok(());
    }
    let method = job::method();
    let module = method.split('.').next().unwrap_or_default();
    Err(Error::Denied(format!("{path} ({error}): `minion grant {module}` grants it")))
}

/// What to say of a file that says something else than expected.
pub fn malformed(path: &str, text: &str) -> Error {
    let start: String = text.chars().take(SHOWN).collect();
    Error::Other(format!("{path} says what cannot be read: {start:?}"))
}

/// Puts a text in the place of a file, whole, with the owner and the permissions that the file has; a new one is for all to
/// read and for nobody else to write. The programs are `cp -p` or `chmod 644`, `tee` and `mv`, with the file's path and the same
/// with `.new` behind it: the policy has to grant them.
///
/// # Errors
/// Where one of these fails.
pub fn replace(path: &str, text: String, is_there: bool) -> Result<Done, Error> {
    let new = format!("{path}.new");
    if is_there {
        change(&["cp", "-p", "--", path, &new])?;
    }
    change_with(&["tee", "--", &new], text)?;
    if !is_there {
        change(&["chmod", "644", "--", &new])?;
    }
    change(&["mv", "-f", "-T", "--", &new, path])
}

/// Puts a text in the place of a file as another user: `identity` are the words by which a program runs as that one. The file
/// has this mode.
///
/// # Errors
/// Where one of the programs fails.
pub fn replace_as(identity: &[&str], path: &str, text: String, mode: &str) -> Result<Done, Error> {
    let new = format!("{path}.new");
    change_with(&[identity, &["tee", "--", &new]].concat(), text)?;
    change(&[identity, &["chmod", mode, "--", &new]].concat())?;
    change(&[identity, &["mv", "-f", "-T", "--", &new, path]].concat())
}

/// Takes a file away.
///
/// # Errors
/// Where `rm` fails.
pub fn remove(path: &str) -> Result<Done, Error> {
    change(&["rm", "-f", "--", path])
}

#[cfg(test)]
mod tests {
    use minion_sdk::process::Output;
    use minion_sdk::testing::Host;

    use super::*;

    #[test]
    fn a_file_is_replaced_by_another_one_and_never_written_into() {
        let nothing = || Output::printed("", 0);
        let host = Host::new()
            .program(&["cp", "-p", "--", "/etc/fstab", "/etc/fstab.new"], nothing())
            .program(&["tee", "--", "/etc/fstab.new"], nothing())
            .program(&["chmod", "644", "--", "/etc/fstab.new"], nothing())
            .program(&["mv", "-f", "-T", "--", "/etc/fstab.new", "/etc/fstab"], nothing());
        assert_eq!(replace("/etc/fstab", "x\n".into(), true), Ok(Done::Now));
        let programs = || host.ran().iter().map(|argv| argv[0].clone()).collect::<Vec<_>>();
        assert_eq!(programs(), ["cp", "tee", "mv"]);
        assert_eq!(replace("/etc/fstab", "x\n".into(), false), Ok(Done::Now));
        assert_eq!(programs()[3..], ["tee", "chmod", "mv"]);
    }

    #[test]
    fn what_is_not_there_is_nothing() {
        assert_eq!(found("/no/such/file"), Ok(None));
        assert_eq!((exact("/no/such/file"), names("/no/such/folder")), (Ok(None), Ok(Vec::new())));
        assert!(matches!(read("/no/such/file"), Err(Error::NotFound(_))));
    }
}
