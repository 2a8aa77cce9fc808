//! Asking before a call that goes far.

use std::io::{self, IsTerminal as _};

use super::CliError;
use super::output::note;

/// Whether there is someone to ask.
pub(super) fn can_ask() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks, and takes only a clear yes for one.
pub(super) async fn ask(question: &str) -> Result<bool, CliError> {
    note(format_args!("{question}\nGo on? Type y for yes:"));
    // Off this thread, which must keep the connection alive while the user thinks.
    let answer = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        io::stdin().read_line(&mut line).map(|_| line)
    });
    let line = answer.await.map_err(|error| CliError::Runtime(error.into()))?.map_err(CliError::Runtime)?;
    Ok(matches!(line.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}
