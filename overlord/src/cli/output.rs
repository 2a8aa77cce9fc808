//! What commands print: answers on stdout, which may fail, and notes on stderr, which may not.

use output::{Printed, Shown};

use super::{CliError, Exit};

pub use output::note;

/// Writes one answer to stdout, at once, with a line end after it.
pub fn print(what: impl Printed) -> Result<(), CliError> {
    output::answer(what).map_err(CliError::Output)
}

/// Writes an answer that was made for its reader.
pub fn show(what: &Shown) -> Result<(), CliError> {
    output::show(what).map_err(CliError::Output)
}

/// How a command went that has printed what it found out: as that says, also where its reader had gone by then, unless
/// all of it was well, which nobody has read to its end.
pub fn known(exit: Exit, printed: Result<(), CliError>) -> Result<Exit, CliError> {
    match printed {
        Err(error) if error.is_closed_pipe() && exit != Exit::Ok => Ok(exit),
        printed => printed.map(|()| exit),
    }
}
