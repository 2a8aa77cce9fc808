//! How many minions may have a job at once.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Semaphore;

/// The places of a batch, handed out in the order of asking.
pub(super) struct Window {
    free: Semaphore,
    /// How many minions have the job beyond what it says: they had given their places up, and came back.
    beyond: Mutex<usize>,
}

/// The place of one minion, given back when it is dropped.
pub(super) struct Place(Arc<Window>);

impl Window {
    /// A window of so many places.
    pub(super) fn new(places: usize) -> Arc<Self> {
        Arc::new(Self { free: Semaphore::new(places), beyond: Mutex::default() })
    }

    /// Waits for a place. Cancel safe.
    pub(super) async fn enter(self: &Arc<Self>) -> Place {
        // Never closed.
        if let Ok(permit) = self.free.acquire().await {
            permit.forget();
        }
        Place(self.clone())
    }

    /// The place of a minion that has the job already, whether or not there is one: while it is one too many,
    /// places that become free go to nobody.
    pub(super) fn come_back(self: &Arc<Self>) -> Place {
        let mut beyond = self.beyond();
        match self.free.try_acquire() {
            Ok(permit) => permit.forget(),
            Err(_) => *beyond += 1,
        }
        Place(self.clone())
    }

    fn beyond(&self) -> MutexGuard<'_, usize> {
        // No code under this lock can panic halfway through a change.
        self.beyond.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut beyond = self.0.beyond();
        match beyond.checked_sub(1) {
            Some(fewer) => *beyond = fewer,
            None => self.0.free.add_permits(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn whoever_comes_back_is_counted_and_those_behind_wait_for_it() {
        let window = Window::new(1);
        drop(window.enter().await);
        let second = window.enter().await;
        let back = window.come_back();
        assert!(window.enter().now_or_never().is_none());
        drop(second);
        assert!(window.enter().now_or_never().is_none(), "the one that came back has the only place");
        drop(back);
        let third = window.enter().now_or_never().expect("free");
        assert!(window.enter().now_or_never().is_none());
        drop(third);
        let back = window.come_back();
        assert!(window.enter().now_or_never().is_none(), "it took the place that was free");
        drop(back);
        assert!(window.enter().now_or_never().is_some());
    }
}
