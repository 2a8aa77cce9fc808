//! How a program ended.

use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;

use super::bindings::minion::process::process::Status;

/// The end of a program in the words of the interface.
pub(super) fn status(status: ExitStatus) -> Status {
    match (status.code(), status.signal()) {
        (Some(code), _) => Status::Exited(code),
        (None, signal) => Status::Signalled(signal.unwrap_or(0)),
    }
}
