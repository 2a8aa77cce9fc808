//! Whether ports of hosts take connections. Nothing is sent over a connection, so dry runs try ports, too. The
//! minion's policy grants it by host and port: `probe = ["db:5432"]`.

use std::time::Duration;

use crate::host::probe as host;

pub use crate::bindings::minion::probe::probe::{Answer, Error, State};

/// Whether a port of a host takes TCP connections: tries all of the host's addresses, one after the other, within
/// this time, of which at most 60 seconds count. A port that takes none is an [`Answer`] and no error.
///
/// # Errors
/// [`Error::Denied`] where the port is not granted, or the host has an address that the grant does not reach;
/// [`Error::NotFound`] where the host has no address; and [`Error::Cancelled`] once the job is being cancelled.
pub fn tcp(host: &str, port: u16, time: Duration) -> Result<Answer, Error> {
    host::tcp(host, port, u32::try_from(time.as_millis()).unwrap_or(u32::MAX))
}

/// The error in words, so that `?` works in methods that return `result<_, string>`.
impl From<Error> for String {
    fn from(error: Error) -> String {
        match error {
            Error::Denied(text) | Error::NotFound(text) | Error::Other(text) => text,
            Error::Cancelled => "the job is being cancelled".to_owned(),
        }
    }
}
