//! What a program is given to read.

use super::bindings::minion::process::process::Error;
use crate::sandbox::limits::budget::Hold;
use crate::sandbox::run::guest::Guest;

/// Takes memory for what a program is given to read, until the program has read it.
pub(super) fn hold(guest: &Guest, bytes: usize) -> Result<Hold, Error> {
    guest.holdings.memory.take(bytes as u64).map_err(|error| Error::Other(error.of_memory()))
}
