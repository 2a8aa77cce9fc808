//! The files of the host that are read.

use std::fs;
use std::io::ErrorKind;

use crate::exports::minion::system::system::Problem;

/// How much of a file is repeated in a message.
const SHOWN: usize = 60;

/// The text of a file.
pub(crate) fn read(path: &str) -> Result<String, Problem> {
    fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).map_err(|error| {
        match error.kind() {
            ErrorKind::NotFound => Problem::Missing(path.to_owned()),
            _ => Problem::Denied(format!("{path} ({error})")),
        }
    })
}

/// The same, where nothing depends on it.
pub(crate) fn optional(path: &str) -> Option<String> {
    read(path).ok()
}

/// The one line of a file.
pub(crate) fn value(path: &str) -> Result<String, Problem> {
    let text = read(path)?;
    match text.trim() {
        "" => Err(malformed(path, &text)),
        value => Ok(value.to_owned()),
    }
}

/// What to say of a file that says something else than expected.
pub(crate) fn malformed(path: &str, text: &str) -> Problem {
    let start: String = text.chars().take(SHOWN).collect();
    Problem::Malformed(format!("{path}: {start:?}"))
}
