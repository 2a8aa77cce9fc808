//! The two streams: answers go to stdout and may fail, notes go to stderr and may not.
#![allow(clippy::disallowed_methods, reason = "this is where everything that is printed passes")]

use std::fmt::Display;
use std::io::{self, ErrorKind, IsTerminal as _, Write as _};

use crate::printed::Printed;
use crate::shown::Shown;
use crate::styled::{Styled, clean};

/// Stdout did not take an answer.
#[derive(Debug, thiserror::Error)]
#[error("cannot write to stdout: {0}")]
pub struct Unprinted(#[from] io::Error);

impl Unprinted {
    /// Whether nobody reads stdout any more.
    pub(crate) fn is_unread(&self) -> bool {
        self.0.kind() == ErrorKind::BrokenPipe
    }
}

/// Writes one answer to stdout, at once, with a line end after it. Styles are left out where stdout is not a
/// terminal.
///
/// # Errors
/// Where stdout does not take it, as a pipe that nobody reads any more.
pub fn print(what: impl Printed) -> Result<(), Unprinted> {
    let text = what.printed()?;
    let mut stdout = anstream::stdout().lock();
    writeln!(stdout, "{}", text.with_styles())?;
    Ok(stdout.flush()?)
}

/// Writes an answer that programs read: into a file or a pipe byte for byte, onto a terminal as [`print()`] does.
///
/// # Errors
/// As [`print()`].
pub fn print_raw(text: &str) -> Result<(), Unprinted> {
    if stdout_is_terminal() {
        return print(text);
    }
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{text}")?;
    Ok(stdout.flush()?)
}

/// Writes an answer that was made for one reader, as it is.
///
/// # Errors
/// As [`print()`].
pub fn show(what: &Shown) -> Result<(), Unprinted> {
    match what {
        Shown::Screen(text) => print(text),
        Shown::Pipe(text) => print_raw(text),
    }
}

/// Writes bytes to stdout and nothing else, no line end either: for files and programs.
///
/// # Errors
/// As [`print()`].
pub fn print_bytes(bytes: &[u8]) -> Result<(), Unprinted> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes)?;
    Ok(stdout.flush()?)
}

/// Writes one note to stderr. Where stderr does not take it, the note is lost.
pub fn note(text: impl Display) {
    // Where stderr is gone, there is no stream left on which to say so.
    let _ = writeln!(anstream::stderr().lock(), "{}", Styled::text(text).with_styles());
}

/// Writes the error that ends a program to stderr. What the error quotes may have several lines; none of them
/// begins where a line of the program's own does.
pub fn complain(program: &str, error: impl Display) {
    note(format_args!("{program}: {}", error.to_string().trim_end().replace('\n', "\n    ")));
}

/// Puts a line in the place of the one that the cursor is on; does nothing where stderr is not a terminal.
pub fn replace_line(text: &str) {
    if stderr_is_terminal() {
        let text = clean(text).replace('\n', " ");
        // This goes to the start of the line and clears it. Where stderr is gone, there is no stream left on which
        // to say so.
        let _ = write!(io::stderr(), "\r\x1b[2K{text}");
    }
}

/// Whether stdout is a terminal.
pub fn stdout_is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Whether stderr is a terminal.
pub fn stderr_is_terminal() -> bool {
    io::stderr().is_terminal()
}
