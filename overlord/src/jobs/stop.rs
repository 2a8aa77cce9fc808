//! The wish that a part of a job stops, and how far it has come.

use machine::forward::Forward;

/// The wish that one part stops. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct Stop(Forward<Reached>);

/// How far a wish has come. It only goes forward, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Reached {
    /// Nobody wishes that the part stops.
    Unwanted,
    /// The part is to stop, and its minion does not know.
    Wanted,
    /// The part is to stop, and its minion is out of touch and cannot be told.
    OutOfTouch,
    /// The part was over before its minion was told.
    Over,
    /// Its minion was told.
    Told,
}

impl Stop {
    pub(super) fn new() -> Self {
        Self(Forward::new(Reached::Unwanted))
    }

    /// The part is to stop.
    pub(super) fn want(&self) {
        self.0.advance(Reached::Wanted);
    }

    /// The minion cannot be told now.
    pub(super) fn out_of_touch(&self) {
        self.0.advance(Reached::OutOfTouch);
    }

    /// The minion was told, and stops it.
    pub(super) fn told(&self) {
        self.0.advance(Reached::Told);
    }

    /// The part is over.
    pub(super) fn over(&self) {
        self.0.advance(Reached::Over);
    }

    /// Whether the part is to stop.
    pub(super) fn is_wanted(&self) -> bool {
        self.0.step() >= Reached::Wanted
    }

    /// Whether the minion was told.
    pub(super) fn is_told(&self) -> bool {
        self.0.step() == Reached::Told
    }

    /// Waits until the part is to stop.
    pub(super) async fn wanted(&self) {
        self.0.reached(Reached::Wanted).await;
    }

    /// Waits until what can be done about it now is done.
    pub(super) async fn answered(&self) {
        self.0.reached(Reached::OutOfTouch).await;
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
