//! What is known of the host, as text by paths such as `os.name`. The minion's policy grants it by path: `facts =
//! ["os.*"]`.
//!
//! To add facts, a world exports the interface `minion:facts/provider@0.1.0`.

use crate::host::facts as host;

pub use crate::bindings::minion::facts::facts::Error;

/// The value of one fact, such as `os.name`, or `None` where the host has no such fact. Sizes are in bytes,
/// durations in seconds, and lists are JSON arrays.
///
/// # Errors
/// [`Error::Denied`] where the path is not granted, with the line that would grant it.
pub fn get(path: &str) -> Result<Option<String>, Error> {
    host::get(path)
}

/// Paths and values of all granted facts at or below a path, sorted by path; the empty text means everything.
/// Facts that are not granted are left out.
///
/// # Errors
/// [`Error::Cancelled`] once the job is being cancelled.
pub fn list(prefix: &str) -> Result<Vec<(String, String)>, Error> {
    host::list(prefix)
}

/// The error in words, so that `?` works in methods that return `result<_, string>`.
impl From<Error> for String {
    fn from(error: Error) -> String {
        match error {
            Error::Denied(text) | Error::Other(text) => text,
            Error::Cancelled => "the job is being cancelled".to_owned(),
        }
    }
}
