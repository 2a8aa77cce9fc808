//! When the link to a minion was lost.

use machine::clock::now_ms;
use tokio::time::Instant;
use wire::message::operator::Absence;

/// A moment at which a link was lost, on both clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost {
    /// The moment by the clock that is never set.
    pub at: Instant,
    /// The moment by the overlord's wall clock, in milliseconds since 1970.
    pub at_ms: u64,
}

impl Lost {
    /// This moment.
    pub fn now() -> Self {
        Self { at: Instant::now(), at_ms: now_ms() }
    }
}

/// How a minion is out of touch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Away {
    /// Since when.
    pub lost: Lost,
    /// Until when the call is kept for it, where it was not sent yet.
    pub kept_until: Option<Instant>,
}

impl Away {
    /// What an operator is told of it.
    pub fn absence(self, overdue: bool) -> Absence {
        let now = Instant::now();
        let ms = |from: Instant, until: Instant| {
            u64::try_from(until.saturating_duration_since(from).as_millis()).unwrap_or(u64::MAX)
        };
        Absence {
            lost_at: self.lost.at_ms,
            for_ms: ms(self.lost.at, now),
            kept_ms: self.kept_until.map(|until| ms(now, until)),
            overdue,
        }
    }
}
