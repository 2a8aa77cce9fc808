//! How long to wait before the next attempt: longer each time, and never in step with anyone else.

use std::time::Duration;

/// Pauses that double from 0.2 s to 3 s, each between a half and the whole of that, by chance.
#[derive(Debug)]
pub(crate) struct Backoff {
    next: Duration,
}

impl Backoff {
    /// Starts with the shortest pause.
    pub(crate) fn new() -> Self {
        Self { next: SHORTEST }
    }

    /// The pause before the next attempt.
    pub(crate) fn pause(&mut self) -> Duration {
        let pause = self.next;
        self.next = (pause * 2).min(LONGEST);
        pause.mul_f64(0.5 + fastrand::f64() / 2.0)
    }

    /// Makes the next pause one of up to 10 s: an attempt that comes sooner would not help.
    pub(crate) fn lengthen(&mut self) {
        self.next = FUTILE;
    }
}

const SHORTEST: Duration = Duration::from_millis(200);
/// A network that is back is noticed within seconds, while attempts that are not answered, which take their
/// time as well, never get dense.
const LONGEST: Duration = Duration::from_secs(3);
const FUTILE: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_bound_and_differ() {
        let mut backoff = Backoff::new();
        let pauses: Vec<Duration> = (0..50).map(|_| backoff.pause()).collect();
        assert!(pauses[0] <= SHORTEST && pauses[0] >= SHORTEST / 2);
        assert!(pauses[10..].iter().all(|pause| *pause <= LONGEST && *pause >= LONGEST / 2));
        assert!(pauses[10..].iter().any(|pause| *pause != pauses[10]));
        backoff.lengthen();
        assert!(backoff.pause() > LONGEST, "a refusal is not over as soon as a broken network");
        assert!(backoff.pause() <= LONGEST);
    }
}
