//! How long the overlord waits before it tries again what failed with a minion or the disk.

use std::time::Duration;

use machine::backoff::Backoff;

/// Pauses from [`FIRST_PAUSE`] up to some seconds.
pub(crate) fn backoff() -> Backoff {
    Backoff::new(FIRST_PAUSE, LAST_PAUSE)
}

/// The shortest pause before something is tried again, but for what chance adds.
pub(crate) const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// The longest pause, but for what chance adds.
const LAST_PAUSE: Duration = Duration::from_millis(2500);
