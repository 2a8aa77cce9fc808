//! A state that only goes forward, and that others can wait for.

use std::sync::{Arc, Mutex};

use tokio::sync::Notify;

use crate::lock;

/// A state that goes through the steps of `S` in their order, and never back. A cheap handle: clones share the
/// state.
///
/// Not a watched value of tokio, which takes six times the memory: there is a state for each of many thousand parts.
#[derive(Clone, Debug)]
pub struct Forward<S>(Arc<State<S>>);

#[derive(Debug)]
struct State<S> {
    step: Mutex<S>,
    moved: Notify,
}

impl<S: Copy + Ord> Forward<S> {
    /// The state at its first step.
    pub fn new(first: S) -> Self {
        Self(Arc::new(State { step: Mutex::new(first), moved: Notify::new() }))
    }

    /// The step that the state is at.
    pub fn step(&self) -> S {
        *lock::hold(&self.0.step)
    }

    /// Takes the state to this step; it stays where it is if that is further.
    pub fn advance(&self, step: S) {
        let mut now = lock::hold(&self.0.step);
        if step <= *now {
            return;
        }
        *now = step;
        drop(now);
        self.0.moved.notify_waiters();
    }

    /// Waits until the state is at this step or beyond it.
    pub async fn reached(&self, step: S) {
        loop {
            // It hears of whatever comes after it was made, also before it is awaited.
            let moved = self.0.moved.notified();
            if self.step() >= step {
                return;
            }
            moved.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures::FutureExt as _;

    use super::*;

    #[test]
    fn whoever_waits_hears_of_the_step_and_of_those_beyond_it_and_none_is_taken_back() {
        let state = Forward::new(1);
        let (mut second, mut third) = (pin!(state.reached(2)), pin!(state.reached(3)));
        assert!((&mut second).now_or_never().is_none() && (&mut third).now_or_never().is_none());
        state.clone().advance(2);
        assert!((&mut second).now_or_never().is_some() && (&mut third).now_or_never().is_none());
        state.advance(4);
        state.advance(3);
        assert!((&mut third).now_or_never().is_some());
        assert_eq!(state.step(), 4);
    }
}
