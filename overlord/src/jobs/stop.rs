//! The wish that a part of a job stops, and how far it has come.

use tokio::sync::watch;

/// The wish that one part stops. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct Stop(watch::Sender<Step>);

/// How far a wish has come. It only goes forward, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    /// Nobody has it.
    Unwanted,
    /// The part is to stop, and its minion does not know.
    Wanted,
    /// The same, and its minion is not there to be told.
    OutOfTouch,
    /// The part was over before its minion was told.
    Over,
    /// Its minion was told.
    Told,
}

impl Stop {
    pub(super) fn new() -> Self {
        Self(watch::Sender::new(Step::Unwanted))
    }

    /// The part is to stop.
    pub(super) fn want(&self) {
        self.advance(Step::Wanted);
    }

    /// The minion cannot be told now.
    pub(super) fn out_of_touch(&self) {
        self.advance(Step::OutOfTouch);
    }

    /// The minion was told, and stops it.
    pub(super) fn told(&self) {
        self.advance(Step::Told);
    }

    /// The part is over.
    pub(super) fn over(&self) {
        self.advance(Step::Over);
    }

    /// Whether the part is to stop.
    pub(super) fn is_wanted(&self) -> bool {
        *self.0.borrow() >= Step::Wanted
    }

    /// Whether the minion was told.
    pub(super) fn is_told(&self) -> bool {
        *self.0.borrow() == Step::Told
    }

    /// Waits until the part is to stop.
    pub(super) async fn wanted(&self) {
        self.reached(Step::Wanted).await;
    }

    /// Waits until what can be done about it now is done.
    pub(super) async fn answered(&self) {
        self.reached(Step::OutOfTouch).await;
    }

    async fn reached(&self, step: Step) {
        let mut seen = self.0.subscribe();
        // It fails only when every sender is gone, and `self` is one.
        let _ = seen.wait_for(|now| *now >= step).await;
    }

    fn advance(&self, step: Step) {
        self.0.send_if_modified(|now| {
            let further = step > *now;
            *now = step.max(*now);
            further
        });
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[test]
    fn a_wish_is_answered_once_its_minion_is_told_or_cannot_be() {
        for answer in [Stop::told, Stop::out_of_touch, Stop::over] {
            let stop = Stop::new();
            assert!(stop.wanted().now_or_never().is_none());
            stop.want();
            assert!(stop.wanted().now_or_never().is_some());
            assert!(stop.answered().now_or_never().is_none());
            answer(&stop);
            assert!(stop.answered().now_or_never().is_some() && stop.is_wanted());
        }
    }

    #[test]
    fn a_minion_that_is_back_is_told_and_its_end_takes_nothing_back() {
        let stop = Stop::new();
        stop.want();
        stop.out_of_touch();
        assert!(!stop.is_told());
        stop.told();
        stop.over();
        assert!(stop.is_told());
    }
}
