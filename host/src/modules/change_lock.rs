//! One change of the modules at a time.

use std::sync::Arc;

use tokio::sync::{Mutex, OwnedMutexGuard};

/// Lets one change of what is in service or on disk be made at a time. Clones share it.
#[derive(Clone, Default)]
pub(super) struct ChangeLock(Arc<Mutex<()>>);

/// Shows that its holder makes the one change that is under way: what takes a guard may rely on nobody else changing what
/// it looked at. Nothing but [`ChangeLock::change`] makes one.
pub(super) struct ChangeGuard {
    _held: OwnedMutexGuard<()>,
}

impl ChangeLock {
    /// Makes a change when no other is under way, where it may block. It is finished even where nobody waits for it any more.
    pub(super) async fn change<T: Send + 'static>(
        &self,
        change: impl FnOnce(&ChangeGuard) -> T + Send + 'static,
    ) -> T {
        let guard = ChangeGuard { _held: self.0.clone().lock_owned().await };
        let done = tokio::task::spawn_blocking(move || change(&guard));
        match done.await {
            Ok(done) => done,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // The runtime shuts down, and with it whoever waits here.
                Err(_) => std::future::pending().await,
            },
        }
    }

    /// Waits for the change that is under way. Whoever asked for it may be gone before it is over.
    pub(super) async fn idle(&self) {
        drop(self.0.lock().await);
    }
}

#[cfg(test)]
impl ChangeGuard {
    /// The guard of a lock that nobody else has, for tests of what only changes files.
    pub(super) fn alone() -> Self {
        Self { _held: Arc::<Mutex<()>>::default().try_lock_owned().expect("nobody else has it") }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_change_that_nobody_waits_for_is_finished_before_the_next() {
        let lock = ChangeLock::default();
        let (go, wait) = mpsc::channel::<()>();
        let (begun, begins) = tokio::sync::oneshot::channel();
        let (done, ends) = mpsc::channel();
        let first = {
            let (lock, done) = (lock.clone(), done.clone());
            tokio::spawn(async move {
                let change = move |_: &ChangeGuard| {
                    let _ = begun.send(());
                    let _ = wait.recv();
                    done.send("first").expect("somebody looks");
                };
                lock.change(change).await;
            })
        };
        begins.await.expect("begun");
        first.abort();
        go.send(()).expect("it waits");
        lock.change(move |_| done.send("second").expect("somebody looks")).await;
        assert_eq!(ends.iter().collect::<Vec<_>>(), ["first", "second"]);
    }
}
