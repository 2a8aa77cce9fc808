//! Tasks of a part of the daemon, which end before it does.

use tokio::task::JoinHandle;
use tokio_util::future::FutureExt as _;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Owns the tasks of one part of the daemon.
pub(crate) struct Tasks {
    tracker: TaskTracker,
    stop: CancellationToken,
}

impl Tasks {
    /// No tasks yet. Those that may end early do so at `stop`.
    pub(crate) fn new(stop: CancellationToken) -> Self {
        Self { tracker: TaskTracker::new(), stop }
    }

    /// Works on something until its end or the daemon's. Who waits for it learns of its end by what it does.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        // Not an async block around it, which would hold the work twice: once as given, and once as it goes on.
        self.tracker.spawn(work.with_cancellation_token_owned(self.stop.clone()));
    }

    /// Works on something to its end, which the daemon waits for: what must not be left half done where whoever asked
    /// for it goes away.
    pub(crate) fn spawn_whole<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<T> {
        self.tracker.spawn(work)
    }

    /// Ends what may end early, and waits for the rest.
    pub(crate) async fn stop(&self) {
        self.stop.cancel();
        self.tracker.close();
        self.tracker.wait().await;
    }
}
