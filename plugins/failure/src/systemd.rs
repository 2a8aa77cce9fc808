//! What it means that a program of systemd fails.

use crate::{Error, Failure};

/// Whether a program failed because systemd does not run here, or is not there at all.
pub fn lacks_systemd(error: &Error) -> bool {
    match error {
        Error::Failed(Failure { stderr, .. }) => {
            stderr.contains("not been booted with systemd") || stderr.contains("Failed to connect to bus")
        }
        Error::Unsupported(_) => true,
        _ => false,
    }
}

/// What it means that a program of systemd fails.
pub fn of_systemd(error: Error) -> Error {
    match error {
        Error::Unsupported(_) => Error::Unsupported("this host has no systemd".to_owned()),
        error if lacks_systemd(&error) => Error::Unsupported("this host does not run systemd".to_owned()),
        error => error,
    }
}
