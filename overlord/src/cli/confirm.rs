//! Asking before a call that goes far.

pub(super) use output::can_ask;

use super::CliError;
use super::signals::interrupts;

/// Asks, and takes only a clear yes for one. Ctrl-C is a no, whoever else listens for it.
pub(super) async fn ask(question: &str) -> Result<bool, CliError> {
    let mut interrupts = interrupts()?;
    output::pose(question);
    // Off this thread, which must keep the connection alive while the user thinks.
    let answer = tokio::task::spawn_blocking(output::answered_yes);
    tokio::select! {
        yes = answer => yes.map_err(|error| CliError::Runtime(error.into()))?.map_err(CliError::Runtime),
        // The thread goes on reading, and ends with the program.
        _ = interrupts.recv() => Ok(false),
    }
}
