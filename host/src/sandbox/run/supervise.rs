//! Watches over one guest while it runs: its time, and the wish to stop it.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use tokio::time::sleep;

use crate::sandbox::run::cancel::{CancelSignal, StopStage};

/// How long a guest is waited for at each step of its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sandbox) struct Patience {
    /// How long it has to end by itself.
    pub(in crate::sandbox) time: Duration,
    /// How long it has to return after it was asked to.
    pub(in crate::sandbox) grace: Duration,
    /// How long it has to end after it was interrupted.
    pub(in crate::sandbox) last: Duration,
}

/// How a guest came to its end.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::sandbox) enum End<T> {
    /// The call returned, by itself or because it was interrupted.
    Returned(T),
    /// Its time by the clock was up.
    OutOfTime,
    /// It could not even be interrupted, and was dropped as it stood.
    Dropped,
}

/// Runs a guest for as long as there is patience. When it is cancelled it gets its grace, is interrupted after
/// that, and dropped in the end; whichever way, it is gone when this returns.
pub(in crate::sandbox) async fn supervise<F: Future>(
    guest: F,
    patience: Patience,
    cancel: &CancelSignal,
) -> End<F::Output> {
    let mut guest = pin!(guest);
    // The guest first each time: what it has finished counts, even if its time ran out in the meantime.
    tokio::select! {
        biased;
        output = &mut guest => return End::Returned(output),
        () = sleep(patience.time) => return End::OutOfTime,
        () = cancel.reached(StopStage::Ask) => {}
    }
    tokio::select! {
        biased;
        output = &mut guest => return End::Returned(output),
        () = cancel.reached(StopStage::Interrupt) => {}
        () = sleep(patience.grace) => cancel.kill(),
    }
    tokio::select! {
        biased;
        output = &mut guest => End::Returned(output),
        () = sleep(patience.last) => End::Dropped,
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;

    const SHORT: Duration = Duration::from_millis(1);
    const LONG: Duration = Duration::from_secs(3600);

    #[tokio::test]
    async fn a_guest_that_never_returns_runs_out_of_time() {
        let patience = Patience { time: SHORT, grace: LONG, last: LONG };
        assert_eq!(supervise(pending::<()>(), patience, &CancelSignal::new()).await, End::OutOfTime);
    }

    #[tokio::test]
    async fn a_guest_that_returns_when_asked_is_not_interrupted() {
        let cancel = CancelSignal::new();
        cancel.cancel();
        let guest = async {
            cancel.cancelled().await;
            tokio::task::yield_now().await;
            cancel.stage()
        };
        let patience = Patience { time: LONG, grace: LONG, last: LONG };
        assert_eq!(supervise(guest, patience, &cancel).await, End::Returned(StopStage::Ask));
    }

    #[tokio::test]
    async fn a_guest_that_does_not_return_is_interrupted_and_then_dropped() {
        let cancel = CancelSignal::new();
        cancel.cancel();
        let interrupted = async {
            cancel.reached(StopStage::Interrupt).await;
            "interrupted"
        };
        let patience = Patience { time: LONG, grace: SHORT, last: LONG };
        assert_eq!(supervise(interrupted, patience, &cancel).await, End::Returned("interrupted"));
        let patience = Patience { last: SHORT, ..patience };
        assert_eq!(supervise(pending::<()>(), patience, &cancel).await, End::Dropped);
    }

    #[tokio::test]
    async fn a_kill_leaves_out_the_grace() {
        let cancel = CancelSignal::new();
        cancel.kill();
        let patience = Patience { time: LONG, grace: LONG, last: SHORT };
        assert_eq!(supervise(pending::<()>(), patience, &cancel).await, End::Dropped);
    }
}
