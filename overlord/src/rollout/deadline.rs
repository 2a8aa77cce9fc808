//! A deadline for work that waits its turn now and then: only the time in which it is worked on counts.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

/// The moment by which some work must be done. It moves away for as long as [`Deadline::not_counting`] waits.
#[derive(Debug)]
pub(crate) struct Deadline(watch::Sender<Left>);

/// How much time is left.
#[derive(Clone, Copy, Debug)]
enum Left {
    /// The time counts, and is over at this moment.
    Until(Instant),
    /// The time does not count now; so much of it is left.
    Held(Duration),
}

impl Deadline {
    /// A deadline that passes after `time`, but for the time that does not count.
    pub(crate) fn within(time: Duration) -> Self {
        Self(watch::Sender::new(Left::Until(Instant::now() + time)))
    }

    /// Waits for something, and puts the deadline off by as long as that takes.
    pub(crate) async fn not_counting<T>(&self, wait: impl Future<Output = T>) -> T {
        self.0.send_modify(|left| {
            if let Left::Until(at) = *left {
                *left = Left::Held(at.saturating_duration_since(Instant::now()));
            }
        });
        // A guard, so that the time counts again also where the wait is given up.
        let _resumed = Resume(self);
        wait.await
    }

    /// Waits until the deadline has passed.
    pub(crate) async fn passed(&self) {
        let mut left = self.0.subscribe();
        loop {
            let now = *left.borrow_and_update();
            // The sender lives as long as `self`.
            match now {
                Left::Until(at) => tokio::select! {
                    () = sleep_until(at) => return,
                    _ = left.changed() => {}
                },
                Left::Held(_) => {
                    let _ = left.changed().await;
                }
            }
        }
    }
}

/// Lets the time count again when it is dropped.
struct Resume<'a>(&'a Deadline);

impl Drop for Resume<'_> {
    fn drop(&mut self) {
        self.0.0.send_modify(|left| {
            if let Left::Held(rest) = *left {
                *left = Left::Until(Instant::now() + rest);
            }
        });
    }
}

/// How long the transfer of a file of this size may take.
pub(crate) fn time_for(bytes: u64) -> Duration {
    Duration::from_secs(bytes / SLOWEST)
}

/// How many bytes of a file must come in a second.
const SLOWEST: u64 = 32 << 10;

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn only_the_time_counts_in_which_it_was_its_turn() {
        let deadline = Deadline::within(Duration::ZERO);
        let waiting = deadline.not_counting(async { deadline.passed().now_or_never() });
        assert!(waiting.await.is_none(), "it passed while it was held");
        deadline.passed().await;
        let given_up = deadline.not_counting(std::future::pending::<()>());
        assert!(given_up.now_or_never().is_none());
        deadline.passed().await;
    }
}
