//! What commands print: answers on stdout, which may fail, and notes on stderr, which may not.

use output::Printed;

use super::CliError;

pub(super) use output::note;

/// Writes one answer to stdout, at once, with a line end after it.
pub(super) fn print(what: impl Printed) -> Result<(), CliError> {
    output::answer(what).map_err(CliError::Output)
}
