//! The files of the host that are read.

use std::fs;
use std::io::ErrorKind;

use failure::Error;

/// How much of a file is repeated in a message.
const SHOWN: usize = 60;

/// The text of a file.
pub(crate) fn read(path: &str) -> Result<String, Error> {
    found(path)?.ok_or_else(|| Error::NotFound(format!("this host has no {path}")))
}

/// The same, where the host may do without it. What is not granted is an error also then.
pub(crate) fn found(path: &str) -> Result<Option<String>, Error> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::Denied(format!("{path} ({error}): `minion grant system` grants it"))),
    }
}

/// The same, where nothing depends on it.
pub(crate) fn optional(path: &str) -> Option<String> {
    found(path).ok().flatten()
}

/// The one line of a file.
pub(crate) fn value(path: &str) -> Result<String, Error> {
    let text = read(path)?;
    match text.trim() {
        "" => Err(malformed(path, &text)),
        value => Ok(value.to_owned()),
    }
}

/// What to say of a file that says something else than expected.
pub(crate) fn malformed(path: &str, text: &str) -> Error {
    let start: String = text.chars().take(SHOWN).collect();
    Error::Other(format!("{path} says what cannot be read: {start:?}"))
}
