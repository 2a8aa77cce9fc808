//! How long an operator waits for a job, or a change of a module, whose minions do not all answer.

use std::time::Duration;

use tokio::time::Instant;
use wire::message::operator::{Absence, PATIENCE};

/// How long a job, or a change of a module, is waited for. It goes on when the waiting is over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Patience {
    /// How long a minion that is out of touch is waited for, from the moment when its link was lost. Where nothing
    /// is said it is 15 seconds, or as long as the overlord keeps the call for that minion if it was not sent yet.
    pub out_of_touch: Option<Duration>,
    /// How long is waited in all; without an end where nothing is said.
    pub in_all: Option<Duration>,
}

impl Patience {
    /// Until when a minion that is out of touch is waited for; `None` where the overlord will end its part.
    pub(super) fn until(&self, absence: &Absence, now: Instant) -> Option<Instant> {
        let patience = match (self.out_of_touch, absence.kept_ms) {
            (Some(patience), _) => patience,
            (None, Some(_)) => return None,
            (None, None) => PATIENCE,
        };
        let left = patience.saturating_sub(Duration::from_millis(absence.for_ms));
        now.checked_add(left)
    }

    /// Until when a wait that begins now lasts in all.
    pub(super) fn until_in_all(&self, now: Instant) -> Option<Instant> {
        self.in_all.and_then(|in_all| now.checked_add(in_all))
    }
}

/// Which of the two ends comes first.
pub(super) fn first(out_of_touch: Option<Instant>, in_all: Option<Instant>) -> Option<(Instant, WaitOver)> {
    let ends = [(out_of_touch, WaitOver::OutOfTouch), (in_all, WaitOver::InAll)];
    ends.into_iter().filter_map(|(at, why)| Some((at?, why))).min_by_key(|(at, _)| *at)
}

/// Why a job, or a change of a module, is not waited for any longer. The job or the change goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitOver {
    /// All minions whose part is not over have been out of touch for longer than they are waited for.
    OutOfTouch,
    /// It took longer in all than the operator waits.
    InAll,
}
