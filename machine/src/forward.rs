//! A state that only goes forward, and that others can wait for.

use tokio::sync::watch;

/// A state that goes through the steps of `S` in their order, and never back. A cheap handle: clones share the
/// state.
#[derive(Clone, Debug)]
pub struct Forward<S>(watch::Sender<S>);

impl<S: Copy + Ord> Forward<S> {
    /// The state at its first step.
    pub fn new(first: S) -> Self {
        Self(watch::Sender::new(first))
    }

    /// The step that the state is at.
    pub fn step(&self) -> S {
        *self.0.borrow()
    }

    /// Takes the state to this step; it stays where it is if that is further.
    pub fn advance(&self, step: S) {
        self.0.send_if_modified(|now| {
            let further = step > *now;
            *now = step.max(*now);
            further
        });
    }

    /// Waits until the state is at this step or beyond it.
    pub async fn reached(&self, step: S) {
        let mut seen = self.0.subscribe();
        // This fails only when every sender is gone, and `self` is one.
        let _ = seen.wait_for(|now| *now >= step).await;
    }
}
