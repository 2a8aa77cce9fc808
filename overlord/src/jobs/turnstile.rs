//! How calls that are kept for a minion come to it once it is there: as it has room for them.
//!
//! A minion that is back may be awaited by many thousands of them, while only so many wait there. So few of one module are on
//! their way at once, until each runs; and one that finds no room there has not begun, and is sent again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use machine::lock;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use wire::message::outcome::{Failure, FailureKind, Outcome, Report};
use wire::name::{MinionName, ModuleName};

use super::deadlines::Deadlines;

/// The turnstiles of all minions, one for each module: what waits for the places of one module holds up no other.
#[derive(Default)]
pub(super) struct Turnstiles(Mutex<HashMap<(MinionName, ModuleName), Arc<Turnstile>>>);

/// The way to one module of one minion.
pub(super) struct Turnstile {
    free: Arc<Semaphore>,
    /// Told of each part that has ended there.
    ended: Notify,
}

/// The right to be on the way, until this is dropped.
pub(super) struct Pass {
    turnstile: Arc<Turnstile>,
    _permit: Option<OwnedSemaphorePermit>,
}

/// How a part comes to its minion.
pub(super) struct Way {
    pub(super) deadlines: Deadlines,
    /// The right to be on the way; only calls that are kept for their minions need one.
    pub(super) pass: Option<Pass>,
    /// Why it was not delivered, where it never will be.
    pub(super) late: &'static str,
}

impl Turnstiles {
    /// The turnstile before a module of a minion.
    pub(super) fn of(&self, minion: &MinionName, module: &ModuleName) -> Arc<Turnstile> {
        let mut turnstiles = lock::hold(&self.0);
        if turnstiles.len() >= MANY {
            turnstiles.retain(|_, turnstile| Arc::strong_count(turnstile) > 1);
        }
        turnstiles.entry((minion.clone(), module.clone())).or_insert_with(Turnstile::new).clone()
    }
}

impl Turnstile {
    fn new() -> Arc<Self> {
        Arc::new(Self { free: Arc::new(Semaphore::new(ON_THEIR_WAY)), ended: Notify::new() })
    }

    /// Waits for the turn to pass, in the order of asking. Cancel safe.
    pub(super) async fn enter(self: &Arc<Self>) -> Pass {
        // Never closed.
        let permit = self.free.clone().acquire_owned().await.ok();
        Pass { turnstile: self.clone(), _permit: permit }
    }

    /// Notes that a part has ended there, and left its room to another.
    pub(super) fn ended(&self) {
        self.ended.notify_one();
    }
}

impl Pass {
    /// Waits until a minion that had no room may have some. Cancel safe.
    pub(super) async fn room(&self) {
        // What others ask of the minion takes room too, and nobody tells of its end here.
        let _ = tokio::time::timeout(LOOK_AGAIN, self.turnstile.ended.notified()).await;
    }
}

impl Way {
    /// The way of a part that is not on it yet.
    pub(super) fn new(deadlines: Deadlines) -> Self {
        Self { deadlines, pass: None, late: "it did not arrive before its delivery deadline" }
    }

    /// Whether a minion has not begun a part that may be sent to it again, since it had no room.
    pub(super) fn is_turned_back(&self, report: &Report) -> bool {
        let is_busy = |failure: &Failure| failure.kind == FailureKind::Busy;
        self.pass.is_some() && matches!(&report.outcome, Outcome::Failed(failure) if is_busy(failure))
    }
}

/// Why a call that was kept for a minion is not delivered, though the minion was there.
pub(super) const NO_ROOM: &str = "it had no room for it before its delivery deadline";
/// How many calls of one module may be on their way to one minion, or wait there.
const ON_THEIR_WAY: usize = 64;
/// How long after a minion had no room it is asked again.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// From so many turnstiles on, those that nobody passes are forgotten.
const MANY: usize = 1024;

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn few_of_one_module_are_on_their_way_and_hold_up_no_other() {
        let turnstiles = Turnstiles::default();
        let (web1, test) = ("web1".parse().expect("a name"), "test".parse().expect("a name"));
        let mut passed = Vec::new();
        for _ in 0..ON_THEIR_WAY {
            passed.push(turnstiles.of(&web1, &test).enter().await);
        }
        let turnstile = turnstiles.of(&web1, &test);
        let mut next = Box::pin(turnstile.enter());
        assert!(next.as_mut().now_or_never().is_none());
        for (minion, module) in [("web1", "files"), ("web2", "test")] {
            let other = turnstiles.of(&minion.parse().expect("a name"), &module.parse().expect("a name"));
            assert!(other.enter().now_or_never().is_some());
        }
        passed.pop();
        assert!(next.now_or_never().is_some());
    }

    #[tokio::test]
    async fn whoever_found_no_room_asks_again_when_one_has_ended() {
        let turnstile = Turnstile::new();
        let pass = turnstile.enter().await;
        let mut room = Box::pin(pass.room());
        assert!(room.as_mut().now_or_never().is_none());
        turnstile.ended();
        assert!(room.now_or_never().is_some());
    }
}
