//! The signals by which a user ends a command.

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::CliError;

/// Ctrl-C, from now on.
pub(super) fn interrupts() -> Result<Signal, CliError> {
    signal(SignalKind::interrupt()).map_err(CliError::Runtime)
}

/// Everything that asks a daemon to stop in good order, from now on.
pub struct StopSignals {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
}

impl StopSignals {
    /// From now on they are heard, and no longer end the program by themselves.
    pub fn listen() -> Result<Self, CliError> {
        Ok(Self {
            interrupt: interrupts()?,
            terminate: signal(SignalKind::terminate()).map_err(CliError::Runtime)?,
            hang_up: signal(SignalKind::hangup()).map_err(CliError::Runtime)?,
        })
    }

    /// Waits for one of them.
    pub async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hang_up.recv() => {}
        }
    }
}
