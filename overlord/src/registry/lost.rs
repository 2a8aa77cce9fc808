//! When the link to a minion was lost.

use machine::clock::now_ms;
use tokio::time::Instant;

/// A moment at which a link was lost, on both clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost {
    /// By the clock that is never set.
    pub at: Instant,
    /// By the overlord's clock, in milliseconds since 1970.
    pub at_ms: u64,
}

impl Lost {
    /// This moment.
    pub fn now() -> Self {
        Self { at: Instant::now(), at_ms: now_ms() }
    }
}
