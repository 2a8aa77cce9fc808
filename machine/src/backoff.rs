//! How long to wait before the next attempt: longer each time, and never in step with others who wait for the
//! same.

use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};

/// Pauses that double up to a longest one, each made longer by up to as much again, by chance. Nothing here
/// sleeps: the caller does.
#[derive(Debug)]
pub struct Backoff {
    shortest: Duration,
    longest: Duration,
    pauses: ExponentialBackoff,
    least: Duration,
}

impl Backoff {
    /// Starts with the shortest pause. No pause is more than twice `longest`.
    pub fn new(shortest: Duration, longest: Duration) -> Self {
        Self { shortest, longest, pauses: doubling(shortest, longest), least: Duration::ZERO }
    }

    /// The pause before the next attempt.
    pub fn pause(&mut self) -> Duration {
        // The iterator has no end.
        let pause = self.pauses.next().unwrap_or(self.longest);
        pause.max(std::mem::take(&mut self.least))
    }

    /// Starts again with the shortest pause: the last attempt succeeded, or there is reason to think that the next
    /// one will.
    pub fn reset(&mut self) {
        *self = Self::new(self.shortest, self.longest);
    }

    /// Makes the next pause at least about as long as `least`, because an attempt that comes sooner would not
    /// help.
    pub fn lengthen(&mut self, least: Duration) {
        self.least = least.mul_f64(0.5 + fastrand::f64() / 2.0);
    }
}

fn doubling(shortest: Duration, longest: Duration) -> ExponentialBackoff {
    let doubling = ExponentialBuilder::new().with_min_delay(shortest).with_max_delay(longest);
    doubling.with_jitter().without_max_times().build()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORTEST: Duration = Duration::from_millis(200);
    const LONGEST: Duration = Duration::from_secs(3);

    #[test]
    fn pauses_grow_to_a_bound_and_differ() {
        let mut backoff = Backoff::new(SHORTEST, LONGEST);
        let pauses: Vec<Duration> = (0..50).map(|_| backoff.pause()).collect();
        assert!(pauses[0] >= SHORTEST && pauses[0] <= SHORTEST * 2, "{pauses:?}");
        assert!(pauses[10..].iter().all(|pause| *pause >= LONGEST && *pause <= LONGEST * 2), "{pauses:?}");
        assert!(pauses[10..].iter().any(|pause| *pause != pauses[10]), "{pauses:?}");
        backoff.reset();
        assert!(backoff.pause() <= SHORTEST * 2);
    }

    #[test]
    fn a_pause_that_is_made_longer_is_so_once() {
        let mut backoff = Backoff::new(SHORTEST, LONGEST);
        backoff.lengthen(LONGEST * 4);
        assert!(backoff.pause() >= LONGEST * 2);
        assert!(backoff.pause() <= SHORTEST * 4);
    }
}
