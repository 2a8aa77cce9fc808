//! The two streams: answers go to stdout and may fail, notes go to stderr and may not.

use std::fmt;
use std::io::Write as _;

use super::CliError;

/// Writes one answer to stdout, at once, with a line end after it.
pub(super) fn print(text: impl fmt::Display) -> Result<(), CliError> {
    let mut stdout = anstream::stdout().lock();
    writeln!(stdout, "{text}").and_then(|()| stdout.flush()).map_err(CliError::Output)
}

/// Writes one line to stderr, as well as that goes.
pub fn note(text: impl fmt::Display) {
    // There is nobody left to tell that nobody can be told.
    let _ = writeln!(anstream::stderr().lock(), "{text}");
}
