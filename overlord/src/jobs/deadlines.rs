//! Until when a part may still be started.

use std::time::Duration;

use ledger::JobRecord;
use machine::clock::now_ms;
use tokio::time::Instant;

use super::part::Delivery;

/// Until when a part may still be started.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadlines {
    /// Until when a minion that was never there is waited for.
    pub(super) unsent: Instant,
    /// Until when a request that may have been lost on the way is sent again.
    pub(super) resend: Instant,
}

impl Deadlines {
    /// Those of a part from now on, where a request may be on its way for `in_flight`.
    pub(super) fn of(record: &JobRecord, delivery: Delivery, in_flight: Duration) -> Self {
        let accepted_at = record.accepted_at;
        let left = |until: u64| left(accepted_at, until, now_ms());
        let unsent = record.queue_until.map_or(Duration::ZERO, left);
        let resend = match delivery {
            // A part that is sent only now has all of its time ahead.
            Delivery::NotSent => in_flight,
            Delivery::MaybeSent => left(accepted_at.saturating_add(in_flight.as_millis() as u64)),
        };
        let now = Instant::now();
        Self { unsent: now + unsent, resend: now + unsent.max(resend) }
    }
}

/// How long something lasts at `now` that lasts from one time until another. Where the clock was set back in
/// between, that is all of it again, and no more.
fn left(from: u64, until: u64, now: u64) -> Duration {
    Duration::from_millis(until.saturating_sub(now.max(from)))
}

/// A moment that no part waits for.
pub(super) fn far_future() -> Instant {
    Instant::now() + Duration::from_secs(3600 * 24 * 365)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_never_moves_away_when_the_clock_is_set_back() {
        let hour = 3_600_000;
        assert_eq!(left(hour, hour + 500, hour + 100), Duration::from_millis(400));
        assert_eq!(left(hour, hour + 500, 0), Duration::from_millis(500));
        assert_eq!(left(hour, hour + 500, 2 * hour), Duration::ZERO);
    }
}
