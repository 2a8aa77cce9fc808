//! What commands print on stdout.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write as _};
use std::process;

/// Prints a line. Where its reader has gone (`minion … | head`), the program ends, and quietly.
pub(super) fn print(line: impl Display) {
    if let Err(error) = writeln!(io::stdout().lock(), "{line}") {
        if error.kind() != ErrorKind::BrokenPipe {
            eprintln!("minion: cannot write to stdout: {error}");
            process::exit(1);
        }
        process::exit(0);
    }
}
