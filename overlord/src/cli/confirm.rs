//! Asking before a call that goes far.

use wire::message::operator::{Refusal, RefusalKind};

use super::CliError;
use super::signals::interrupts;

/// Whether the overlord refused only what a user has not confirmed, and there is one to ask.
pub(super) fn is_open(refusal: &Refusal, confirmed: bool) -> bool {
    refusal.kind == RefusalKind::NeedsConfirmation && !confirmed && output::can_ask()
}

/// Asks, and takes only a clear yes for one. Ctrl-C is a no, whoever else listens for it.
pub(super) async fn ask(question: &str) -> Result<bool, CliError> {
    let mut interrupts = interrupts()?;
    let question = question.to_owned();
    // Off this thread, which must keep the connection alive while the user thinks.
    let answer = tokio::task::spawn_blocking(move || output::ask(&question));
    tokio::select! {
        yes = answer => yes.map_err(|error| CliError::Runtime(error.into()))?.map_err(CliError::Runtime),
        // The thread goes on reading, and ends with the program.
        _ = interrupts.recv() => Ok(false),
    }
}
