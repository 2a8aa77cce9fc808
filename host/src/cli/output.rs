//! What commands print: answers on stdout, notes on stderr.

use std::io::{self, ErrorKind};
use std::process;

use output::{Printed, Shown};

pub(super) use output::note;

/// Prints an answer. Where its reader has gone (`minion … | head`), the program ends, and quietly.
pub fn print(what: impl Printed) {
    written(output::answer(what), CLOSED_PIPE);
}

/// Prints an answer that was made for its reader.
pub(super) fn show(what: &Shown) {
    written(output::show(what), CLOSED_PIPE);
}

/// The same for an answer to something that did not go well, which stays so where nobody reads it.
pub(super) fn print_failed(what: impl Printed) {
    written(output::answer(what), 1);
}

/// Prints an answer that programs read, byte for byte.
pub(super) fn print_raw(text: &str) {
    written(output::raw_answer(text), CLOSED_PIPE);
}

/// Prints bytes and nothing else.
pub(super) fn print_bytes(bytes: &[u8]) {
    written(output::bytes(bytes), CLOSED_PIPE);
}

/// Ends the program where it cannot write: with `closed` where its reader has gone.
fn written(written: io::Result<()>, closed: i32) {
    let Err(error) = written else { return };
    if error.kind() != ErrorKind::BrokenPipe {
        output::complain("minion", format_args!("cannot write to stdout: {error}"));
        process::exit(1);
    }
    process::exit(closed);
}

/// What a program exits with that its pipe ended.
const CLOSED_PIPE: i32 = 141;
