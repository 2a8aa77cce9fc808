//! Room for large messages on their way in: so much for one peer, and so much for all of them together.
//!
//! Small messages need no room. A large one waits for room before it is read, so that a peer who sends half of many
//! has them wait for each other, and once more before it is decoded.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::message::Limit;

/// The room of one peer, and that which it shares. A cheap handle.
#[derive(Clone, Debug)]
pub struct Intake {
    /// What this peer may have on its way.
    own: Arc<Semaphore>,
    /// What all may have on their way.
    all: Arc<Semaphore>,
    /// What all may hold decoded.
    memory: Arc<Semaphore>,
}

/// The room that a message takes, until it is dropped.
#[derive(Debug, Default)]
pub struct Room {
    _taken: Vec<OwnedSemaphorePermit>,
}

impl Default for Intake {
    fn default() -> Self {
        let room = |bytes: usize| Arc::new(Semaphore::new(bytes / UNIT));
        Self { own: room(OWN), all: room(ALL), memory: room(MEMORY) }
    }
}

impl Intake {
    /// Room for another peer, beside that which is shared.
    pub fn for_another(&self) -> Self {
        Self { own: Arc::new(Semaphore::new(OWN / UNIT)), ..self.clone() }
    }

    /// Waits for room for so many bytes that come.
    pub(crate) async fn arrive(&self, bytes: usize) -> Room {
        if bytes <= SMALL {
            return Room::default();
        }
        let own = take(&self.own, bytes, OWN).await;
        let all = take(&self.all, bytes, ALL).await;
        Room { _taken: own.into_iter().chain(all).collect() }
    }

    /// Waits for room for what a message of so many bytes may take decoded.
    pub(crate) async fn decode(&self, bytes: usize, limit: Limit) -> Room {
        if bytes <= SMALL {
            return Room::default();
        }
        let most = limit.memory.min(bytes.saturating_mul(GROWTH));
        Room { _taken: take(&self.memory, most, MEMORY).await.into_iter().collect() }
    }
}

/// Never closed, so there is room sooner or later: each message has its time.
async fn take(room: &Arc<Semaphore>, bytes: usize, all: usize) -> Option<OwnedSemaphorePermit> {
    let units = u32::try_from(bytes.min(all).div_ceil(UNIT)).unwrap_or(u32::MAX);
    room.clone().acquire_many_owned(units).await.ok()
}

/// How long so many bytes may take to arrive.
pub(crate) fn time_for(bytes: usize) -> Duration {
    PATIENCE + Duration::from_secs((bytes / SLOWEST) as u64)
}

/// What room is counted in.
const UNIT: usize = 1 << 10;
/// Up to this many bytes, a message needs no room.
const SMALL: usize = 16 << 10;
/// What one peer may have on its way.
const OWN: usize = 16 << 20;
/// What all peers may have on their way.
const ALL: usize = 64 << 20;
/// What large messages may take decoded, all together.
const MEMORY: usize = 96 << 20;
/// How many bytes of memory a byte on the wire comes to at most.
const GROWTH: usize = 64;
const PATIENCE: Duration = Duration::from_secs(30);
/// How many bytes must arrive in a second.
const SLOWEST: usize = 64 << 10;
