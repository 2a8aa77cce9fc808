//! A state that only goes forward, and that others wait for.

use tokio::sync::watch;

/// The steps of something that goes forward, in the order of `S`. Clones share it.
#[derive(Clone, Debug)]
pub struct Forward<S>(watch::Sender<S>);

impl<S: Copy + Ord> Forward<S> {
    /// At its first step.
    pub fn new(first: S) -> Self {
        Self(watch::Sender::new(first))
    }

    /// Where it is.
    pub fn step(&self) -> S {
        *self.0.borrow()
    }

    /// Goes to this step, or stays where it is if that is further.
    pub fn advance(&self, step: S) {
        self.0.send_if_modified(|now| {
            let further = step > *now;
            *now = step.max(*now);
            further
        });
    }

    /// Waits until it has come this far.
    pub async fn reached(&self, step: S) {
        let mut seen = self.0.subscribe();
        // It fails only when every sender is gone, and `self` is one.
        let _ = seen.wait_for(|now| *now >= step).await;
    }
}
