//! Asking somebody at a terminal.

use std::io::{self, IsTerminal as _};

use crate::screen::{note, stderr_is_terminal};

/// Whether there is somebody to ask.
pub fn can_ask() -> bool {
    io::stdin().is_terminal() && stderr_is_terminal()
}

/// Says what would be done, and asks whether to go on.
pub fn pose(question: &str) {
    note(format_args!("{question}\nGo on? Type y for yes:"));
}

/// Waits for the answer, and takes only a clear yes for one.
pub fn answered_yes() -> io::Result<bool> {
    let mut line = String::new();
    io::stdin().read_line(&mut line)?;
    Ok(matches!(line.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}
