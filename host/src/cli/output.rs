//! What commands print: answers on stdout, notes on stderr.

use std::io::ErrorKind;
use std::process;

use output::Printed;

pub(super) use output::note;

/// Prints an answer. Where its reader has gone (`minion … | head`), the program ends, and quietly.
pub(super) fn print(what: impl Printed) {
    if let Err(error) = output::answer(what) {
        if error.kind() != ErrorKind::BrokenPipe {
            output::complain("minion", format_args!("cannot write to stdout: {error}"));
            process::exit(1);
        }
        process::exit(0);
    }
}
