//! The two streams: answers go to stdout and may fail, notes go to stderr and may not.
#![allow(clippy::disallowed_methods, reason = "this is where everything that is printed passes")]

use std::fmt::Display;
use std::io::{self, IsTerminal as _, Write as _};

use crate::printed::Printed;
use crate::shown::Shown;
use crate::styled::{Styled, clean};

/// Writes one answer to stdout, at once, with a line end after it. Styles are left out where nobody would see them.
pub fn answer(what: impl Printed) -> io::Result<()> {
    let text = what.printed()?;
    let mut stdout = anstream::stdout().lock();
    writeln!(stdout, "{}", text.with_styles())?;
    stdout.flush()
}

/// Writes an answer that programs read: into a file or a pipe byte for byte, onto a terminal like any other.
pub fn raw_answer(text: &str) -> io::Result<()> {
    if stdout_is_terminal() {
        return answer(text);
    }
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{text}")?;
    stdout.flush()
}

/// Writes an answer as it was made for its reader.
pub fn show(what: &Shown) -> io::Result<()> {
    match what {
        Shown::Screen(text) => answer(text),
        Shown::Pipe(text) => raw_answer(text),
    }
}

/// Writes bytes to stdout and nothing else, for files and programs.
pub fn bytes(bytes: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes)?;
    stdout.flush()
}

/// Writes one note to stderr, as well as that goes.
pub fn note(text: impl Display) {
    // There is nobody left to tell that nobody can be told.
    let _ = writeln!(anstream::stderr().lock(), "{}", Styled::text(text).with_styles());
}

/// Writes what ends a program to stderr. What it quotes may have several lines; none of them begins where a line
/// of the program's own does.
pub fn complain(program: &str, error: impl Display) {
    note(format_args!("{program}: {}", error.to_string().trim_end().replace('\n', "\n    ")));
}

/// Puts a line in the place of the one that the cursor is on, where stderr is a terminal.
pub fn replace_line(text: &str) {
    if stderr_is_terminal() {
        let text = clean(text).replace('\n', " ");
        // To the start of the line, and clear it. Nobody could be told that nobody can see it.
        let _ = write!(io::stderr(), "\r\x1b[2K{text}");
    }
}

/// Whether someone watches stdout.
pub fn stdout_is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Whether someone watches stderr.
pub fn stderr_is_terminal() -> bool {
    io::stderr().is_terminal()
}
