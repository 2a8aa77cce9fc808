//! A batch: how many minions may have a job at once.

use std::sync::{Arc, Mutex, MutexGuard};

use machine::lock;
use tokio::sync::Semaphore;

/// The permits of a batch, handed out in the order of asking.
pub(super) struct Batch {
    free: Semaphore,
    /// How many minions have the job beyond what it says: they had given their permits up, and came back.
    beyond: Mutex<usize>,
}

/// The permit of one minion, given back when it is dropped.
pub(super) struct BatchPermit(Arc<Batch>);

impl Batch {
    /// A batch of so many permits.
    pub(super) fn new(permits: usize) -> Arc<Self> {
        Arc::new(Self { free: Semaphore::new(permits), beyond: Mutex::default() })
    }

    /// Waits for a permit. Cancel safe.
    pub(super) async fn enter(self: &Arc<Self>) -> BatchPermit {
        // Never closed.
        if let Ok(permit) = self.free.acquire().await {
            permit.forget();
        }
        BatchPermit(self.clone())
    }

    /// The permit of a minion that has the job already, whether or not there is one: while it is one too many,
    /// permits that become free go to nobody.
    pub(super) fn come_back(self: &Arc<Self>) -> BatchPermit {
        let mut beyond = self.beyond();
        match self.free.try_acquire() {
            Ok(permit) => permit.forget(),
            Err(_) => *beyond += 1,
        }
        BatchPermit(self.clone())
    }

    fn beyond(&self) -> MutexGuard<'_, usize> {
        lock::hold(&self.beyond)
    }
}

impl Drop for BatchPermit {
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
        let batch = Batch::new(1);
        drop(batch.enter().await);
        let second = batch.enter().await;
        let back = batch.come_back();
        assert!(batch.enter().now_or_never().is_none());
        drop(second);
        assert!(batch.enter().now_or_never().is_none(), "the one that came back has the only permit");
        drop(back);
        let third = batch.enter().now_or_never().expect("free");
        assert!(batch.enter().now_or_never().is_none());
        drop(third);
        let back = batch.come_back();
        assert!(batch.enter().now_or_never().is_none(), "it took the permit that was free");
        drop(back);
        assert!(batch.enter().now_or_never().is_some());
    }
}
