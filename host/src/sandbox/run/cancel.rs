//! How a job is told to stop: it is asked first, interrupted after a grace, and dropped in the end.

use std::time::Duration;

use machine::forward::Forward;

/// How long a guest has to return after it was asked to, unless the configuration says otherwise.
pub const GRACE: Duration = Duration::from_secs(5);
/// How long a guest has to end after it was interrupted, before it is dropped as it stands.
pub const INTERRUPT_GRACE: Duration = Duration::from_secs(2);

/// Tells one job to stop. A cheap handle: clones tell the same job.
#[derive(Clone, Debug)]
pub struct CancelSignal(Forward<StopStage>);

/// How far the stopping of a job has come. It never goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::sandbox) enum StopStage {
    /// Nobody has asked the job to stop.
    Run,
    /// The guest is to return: it can see so, and host calls that wait give up.
    Ask,
    /// The guest is to be interrupted at its next look at the clock.
    Interrupt,
}

impl CancelSignal {
    /// The signal of a job that nobody has told to stop.
    pub fn new() -> Self {
        Self(Forward::new(StopStage::Run))
    }

    /// Asks the job to stop. It is interrupted when it does not within its grace.
    pub fn cancel(&self) {
        self.0.advance(StopStage::Ask);
    }

    /// Interrupts the job without asking it first, as at the end of a shutdown.
    pub fn kill(&self) {
        self.0.advance(StopStage::Interrupt);
    }

    /// Whether the job was asked to stop, or interrupted.
    pub fn is_cancelled(&self) -> bool {
        self.stage() >= StopStage::Ask
    }

    /// Waits until the job is asked to stop, or interrupted.
    pub async fn cancelled(&self) {
        self.reached(StopStage::Ask).await;
    }

    /// How far the stopping has come.
    pub(in crate::sandbox) fn stage(&self) -> StopStage {
        self.0.step()
    }

    /// Waits until the stopping has come this far.
    pub(in crate::sandbox) async fn reached(&self, stage: StopStage) {
        self.0.reached(stage).await;
    }
}

impl Default for CancelSignal {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_signal_only_goes_forward_and_wakes_all_that_wait() {
        let signal = CancelSignal::new();
        let waiting = tokio::spawn({
            let signal = signal.clone();
            async move { signal.cancelled().await }
        });
        assert!(!signal.is_cancelled());
        signal.kill();
        signal.cancel();
        waiting.await.expect("woken");
        assert_eq!(signal.stage(), StopStage::Interrupt);
    }
}
