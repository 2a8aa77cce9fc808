//! What becomes of errors of WASI.

use std::io::{self, ErrorKind};

use failure::{Done, Error};
use minion_sdk::job;

/// What becomes of an error where something was to be done, which is a verb, with a path.
pub fn of_io(error: &io::Error, verb: &str, path: &str) -> Error {
    let tell = |reason: &str| format!("cannot {verb} \"{path}\": {reason}");
    match error.kind() {
        ErrorKind::NotFound => Error::NotFound(format!("there is no \"{path}\" on this host")),
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => Error::Denied(tell(
            "the host, or what this module is granted there (`files` in its table of minion.toml), does not allow it",
        )),
        ErrorKind::IsADirectory => Error::Invalid(tell("it is a folder")),
        ErrorKind::NotADirectory => Error::Invalid(tell("what is above it is no folder")),
        ErrorKind::DirectoryNotEmpty => {
            Error::Invalid(tell("there is something in it; `with-content` removes that, too"))
        }
        ErrorKind::CrossesDevices => {
            Error::Invalid(tell("both are not in one file system; copy it, and remove it here"))
        }
        ErrorKind::InvalidFilename | ErrorKind::InvalidInput => {
            Error::Invalid(tell("no file can be called so"))
        }
        _ => Error::Other(tell(&error.to_string())),
    }
}

/// What came of a change: a dry run records it and does not do it.
///
/// # Errors
/// Where it was not done.
pub fn done(result: io::Result<()>, verb: &str, path: &str) -> Result<Done, Error> {
    match result {
        Ok(()) => Ok(Done::Now),
        Err(error) if error.kind() == ErrorKind::ReadOnlyFilesystem && job::dry_run() => Ok(Done::Recorded),
        Err(error) => Err(of_io(&error, verb, path)),
    }
}
