//! What goes on with the modules by itself, until the minion stops.

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use wire::message::link::ModuleAnswer;

/// Owns what goes on by itself: versions on their way into and out of service. Clones share it.
#[derive(Clone, Default)]
pub(super) struct Tasks {
    tracker: TaskTracker,
    stopping: CancellationToken,
}

impl Tasks {
    /// Begins something that ends by itself or with the minion, whatever it has come to then. Nobody waits for it: what comes of
    /// it is seen in the list of the modules, and in the log.
    pub(super) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let stopping = self.stopping.clone();
        self.tracker.spawn(async move { stopping.run_until_cancelled(work).await });
    }

    /// Goes on with this whether or not somebody waits for it; nothing where the minion stops before it is over.
    pub(super) async fn finish<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        let stopping = self.stopping.clone();
        let task = self.tracker.spawn(async move { stopping.run_until_cancelled(work).await });
        match task.await {
            Ok(done) => done,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => None,
            },
        }
    }

    /// Goes on with a change that an overlord asked for, and answers with what became of it.
    pub(super) async fn answer(
        &self,
        work: impl Future<Output = ModuleAnswer> + Send + 'static,
    ) -> ModuleAnswer {
        self.finish(work).await.unwrap_or_else(|| ModuleAnswer::Refused(STOPPING.to_owned()))
    }

    /// Ends what goes on, and waits until it has ended. What is given to it later ends at once.
    pub(super) async fn stop(&self) {
        self.stopping.cancel();
        self.tracker.close();
        self.tracker.wait().await;
    }
}

/// What is said to whoever asks for a change that the end of the minion comes in between of.
pub(super) const STOPPING: &str = "is stopping";
