//! Asking before a call that goes far.

use std::io::{self, IsTerminal as _};

use super::CliError;
use super::output::note;
use super::signals::interrupts;

/// Whether there is someone to ask.
pub(super) fn can_ask() -> bool {
    io::stdin().is_terminal() && output::stderr_is_terminal()
}

/// Asks, and takes only a clear yes for one. Ctrl-C is a no, whoever else listens for it.
pub(super) async fn ask(question: &str) -> Result<bool, CliError> {
    let mut interrupts = interrupts()?;
    note(format_args!("{question}\nGo on? Type y for yes:"));
    // Off this thread, which must keep the connection alive while the user thinks.
    let answer = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        io::stdin().read_line(&mut line).map(|_| line)
    });
    let line = tokio::select! {
        line = answer => line.map_err(|error| CliError::Runtime(error.into()))?.map_err(CliError::Runtime)?,
        // The thread goes on reading, and ends with the program.
        _ = interrupts.recv() => return Ok(false),
    };
    Ok(matches!(line.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}
