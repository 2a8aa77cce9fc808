//! The turn to write: whoever has it commits one batch, in the thread of the writer or in that of a task.

use std::time::{Duration, Instant};

use machine::failpoint::{Point, reach};
use machine::thread::{heavy, heavy_if_large};
use tokio::sync::OwnedSemaphorePermit;

use crate::draft::Draft;
use crate::error::LedgerError;
use crate::reopenable::Reopenable;
use crate::request::{Answer, Request};
use crate::storage::{Changes, Room, RoomGauge, Store, Uncommitted};
use crate::write::{Durability, Purpose};

/// Where a batch ends although more writes are waiting.
const BATCH_WRITES: u64 = 256;
const BATCH_BYTES: usize = 8 << 20;

/// What is to be known of the writes before by whoever writes next.
#[derive(Default)]
pub(crate) struct Turn {
    failed: Option<FailedBatch>,
    gauge: RoomGauge,
    /// When the last batch was committed.
    last: Option<Instant>,
}

/// A batch that was answered with an error but may be on disk, with the changes that undo it.
struct FailedBatch {
    number: u64,
    undo: Changes,
}

/// A batch whose fate is known, and those who are to be told of it.
#[must_use = "those whose writes it has wait for their answers"]
pub(crate) struct Decided {
    fate: Result<(), LedgerError>,
    answers: Vec<Answer>,
    places: Vec<OwnedSemaphorePermit>,
}

impl Decided {
    /// Answers the writes of the batch. The turn is to be given back before that, since whoever is answered may write again
    /// at once.
    pub(crate) fn tell(self) {
        drop(self.places);
        for answer in self.answers {
            answer(self.fate.clone());
        }
    }

    /// That of no batch at all.
    fn nothing() -> Self {
        Self { fate: Ok(()), answers: Vec::new(), places: Vec::new() }
    }
}

impl Turn {
    /// Whether the store takes writes as it is: it is open, and the last batch did not fail.
    pub(crate) fn is_ready(&self, reopenable: &Reopenable) -> bool {
        self.failed.is_none() && reopenable.is_open()
    }

    /// Whether there was no batch for so long.
    pub(crate) fn rests(&self, pause: Duration) -> bool {
        self.last.is_none_or(|last| last.elapsed() >= pause)
    }

    /// Lets the last batch have been at another time.
    #[cfg(test)]
    pub(crate) fn wrote_at(&mut self, at: Instant) {
        self.last = Some(at);
    }

    /// Commits a batch of what comes out of `next`, as far as it fits into one. Where the store takes no writes at all, all
    /// that comes is refused.
    pub(crate) fn batch(
        &mut self,
        reopenable: &Reopenable,
        mut next: impl FnMut() -> Option<Request>,
    ) -> Decided {
        let room = self.gauge.look(reopenable.path());
        let store = self.ready(reopenable, room).and_then(|()| reopenable.store());
        let store = match store {
            Ok(store) => store,
            Err(error) => {
                while let Some(request) = next() {
                    request.refuse(error.clone());
                }
                return Decided::nothing();
            }
        };
        let draft = Draft::new(&store);
        let mut decided = Decided::nothing();
        let (mut durability, mut writes, mut begins) = (Durability::Written, 0_u64, false);
        while writes < BATCH_WRITES
            && draft.weight() < BATCH_BYTES
            && let Some(mut request) = next()
        {
            writes += 1;
            decided.places.extend(request.place.take());
            if room.suffices(request.purpose) {
                durability = durability.max(request.durability);
                begins |= request.purpose == Purpose::Begin;
                decided.answers.extend(request.run(&draft));
            } else {
                request.refuse(reopenable.full());
            }
        }
        let (weight, changes) = (draft.weight(), draft.into_changes());
        drop(store);
        let takes_on = begins && durability == Durability::Synced;
        if takes_on {
            reach(Point::SyncBefore);
        }
        decided.fate = heavy_if_large(weight, || self.commit(reopenable, &changes, durability));
        if takes_on {
            reach(Point::SyncAfter);
        }
        reopenable.count(writes);
        self.last = Some(Instant::now());
        decided
    }

    /// Makes sure that the store takes writes, where there is room for them.
    fn ready(&mut self, reopenable: &Reopenable, room: Room) -> Result<(), LedgerError> {
        if self.is_ready(reopenable) {
            return Ok(());
        }
        if !room.suffices(Purpose::Proceed) {
            return Err(reopenable.full());
        }
        self.reopen(reopenable)
    }

    fn commit(
        &mut self,
        reopenable: &Reopenable,
        changes: &Changes,
        durability: Durability,
    ) -> Result<(), LedgerError> {
        let attempt = || -> Result<Result<(), Uncommitted>, LedgerError> {
            Ok(reopenable.store()?.commit(changes, durability))
        };
        let mut outcome = attempt()?;
        // A background task of the database failed earlier; what it was to do is done again after opening.
        if outcome.as_ref().is_err_and(|refused| refused.untouched) {
            self.reopen(reopenable)?;
            outcome = attempt()?;
        }
        outcome.map_err(|refused| {
            tracing::warn!(error = %refused.error, "a batch was not written");
            self.failed = reopenable.store().ok().map(|store| FailedBatch::new(&store, changes));
            refused.error
        })
    }

    /// Opens the store again, which after a failed write is the only way to write, and undoes what the failed
    /// batch left.
    fn reopen(&mut self, reopenable: &Reopenable) -> Result<(), LedgerError> {
        let failed = &self.failed;
        let undo = |store: &Store| match failed {
            Some(failed) if store.batch()? == failed.number => {
                store.commit(&failed.undo, Durability::Synced).map_err(|refused| refused.error)
            }
            _ => Ok(()),
        };
        heavy(|| reopenable.reopen(undo))?;
        self.failed = None;
        tracing::info!(ledger = %reopenable.path().display(), "opened the ledger again after a failed write");
        Ok(())
    }
}

impl FailedBatch {
    /// The batch of `changes` that the store did not take, as it was numbered.
    fn new(store: &Store, changes: &Changes) -> Self {
        let before = |(space, key): &(_, Vec<u8>)| store.get(*space, key).ok().flatten();
        let undo = changes.keys().map(|place| (place.clone(), before(place))).collect();
        Self { number: store.batch().unwrap_or_default().wrapping_add(1), undo }
    }
}
