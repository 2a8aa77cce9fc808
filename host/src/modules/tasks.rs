//! The tasks of the modules: work that goes on by itself, until the minion stops.

use tokio_util::future::FutureExt as _;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use wire::message::link::ModuleAnswer;

/// Owns the tasks that bring versions into service and out of it. Clones share them.
#[derive(Clone, Default)]
pub(super) struct Tasks {
    tracker: TaskTracker,
    stopping: CancellationToken,
}

impl Tasks {
    /// Begins a task that ends by itself, or is dropped in the middle when the minion stops. Nobody waits for it: what
    /// became of it is seen in the list of the modules and in the log.
    pub(super) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        // Not an async block around it, which would hold the work twice: once as given, and once as it goes on.
        self.tracker.spawn(work.with_cancellation_token_owned(self.stopping.clone()));
    }

    /// Runs a task to its end, also where the caller does not wait for it any more. `None` where the minion stopped
    /// before.
    pub(super) async fn finish<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        let task = self.tracker.spawn(work.with_cancellation_token_owned(self.stopping.clone()));
        match task.await {
            Ok(done) => done,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => None,
            },
        }
    }

    /// Runs a change that an overlord asked for as a task, and gives the answer to it: a refusal where the minion stopped
    /// before.
    pub(super) async fn answer(
        &self,
        work: impl Future<Output = ModuleAnswer> + Send + 'static,
    ) -> ModuleAnswer {
        self.finish(work).await.unwrap_or_else(|| ModuleAnswer::Refused(STOPPING.to_owned()))
    }

    /// Ends all tasks, and waits until they have ended. A task that is given later ends at once.
    pub(super) async fn stop(&self) {
        self.stopping.cancel();
        self.tracker.close();
        self.tracker.wait().await;
    }
}

/// Why a change that an overlord asked for was not made: the minion stopped first. Reads on from the minion's name.
pub(super) const STOPPING: &str = "is stopping";
