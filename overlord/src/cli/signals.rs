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
    /// Where it asks to stop, too.
    hang_up: Option<Signal>,
}

impl StopSignals {
    /// From now on they are heard, and no longer end the program by themselves.
    pub fn listen() -> Result<Self, CliError> {
        Ok(Self {
            interrupt: interrupts()?,
            terminate: signal(SignalKind::terminate()).map_err(CliError::Runtime)?,
            hang_up: Some(hang_ups()?),
        })
    }

    /// The same for a daemon, to which a hang-up is no reason to stop; the hang-ups are beside them.
    pub(super) fn of_daemon() -> Result<(Self, Signal), CliError> {
        let hang_ups = hang_ups()?;
        Ok((Self { hang_up: None, ..Self::listen()? }, hang_ups))
    }

    /// Waits for one of them.
    pub async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            () = hung_up(self.hang_up.as_mut()) => {}
        }
    }
}

fn hang_ups() -> Result<Signal, CliError> {
    signal(SignalKind::hangup()).map_err(CliError::Runtime)
}

async fn hung_up(hang_up: Option<&mut Signal>) {
    match hang_up {
        Some(hang_up) => {
            let _ = hang_up.recv().await;
        }
        None => std::future::pending().await,
    }
}
