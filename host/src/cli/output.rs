//! What commands print: answers on stdout, notes on stderr.

use std::io::ErrorKind;
use std::process;

use output::Printed;

pub(super) use output::note;

/// Prints an answer. Where its reader has gone (`minion … | head`), the program ends, and quietly.
pub(super) fn print(what: impl Printed) {
    print_known(what, CLOSED_PIPE);
}

/// The same for an answer to something that did not go well, which stays so where nobody reads it.
pub(super) fn print_failed(what: impl Printed) {
    print_known(what, 1);
}

fn print_known(what: impl Printed, code: i32) {
    if let Err(error) = output::answer(what) {
        if error.kind() != ErrorKind::BrokenPipe {
            output::complain("minion", format_args!("cannot write to stdout: {error}"));
            process::exit(1);
        }
        process::exit(code);
    }
}

/// What a program exits with that its pipe ended.
const CLOSED_PIPE: i32 = 141;
