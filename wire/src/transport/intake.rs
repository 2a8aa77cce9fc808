//! Room for large messages on their way in: so much for one peer, and so much for all of them together.
//!
//! Messages of up to 16 KiB need no room. A larger one waits for room before it is read, so that a peer that sends
//! half of each of many messages has them wait for each other; and it waits once more before it is decoded.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::message::Limit;

/// The room of one peer, and the room that it shares with all others. A cheap handle: clones share both.
///
/// One peer may have 16 MiB on its way, all together 64 MiB, and what is decoded of large messages may take 96
/// MiB.
#[derive(Clone, Debug)]
pub struct Intake {
    /// How much this peer may have on its way.
    own: Arc<Semaphore>,
    /// How much all peers together may have on their way.
    all: Arc<Semaphore>,
    /// How much memory the decoded messages of all peers may hold.
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
    /// Room for another peer, beside the room that all share.
    pub fn for_another(&self) -> Self {
        Self { own: Arc::new(Semaphore::new(OWN / UNIT)), ..self.clone() }
    }

    /// Waits until there is room for so many bytes to arrive.
    pub(crate) async fn arrive(&self, bytes: usize) -> Room {
        if bytes <= SMALL {
            return Room::default();
        }
        let own = take(&self.own, bytes, OWN).await;
        let all = take(&self.all, bytes, ALL).await;
        Room { _taken: own.into_iter().chain(all).collect() }
    }

    /// Waits until there is room for what a message of so many bytes may take in memory.
    pub(crate) async fn decode(&self, bytes: usize, limit: Limit) -> Room {
        if bytes <= SMALL {
            return Room::default();
        }
        let most = limit.memory.min(bytes.saturating_mul(GROWTH));
        Room { _taken: take(&self.memory, most, MEMORY).await.into_iter().collect() }
    }
}

/// Waits for so many bytes of a room whose size is `all`. The semaphore is never closed, and each message that
/// holds room has a limited time, so there is room sooner or later.
async fn take(room: &Arc<Semaphore>, bytes: usize, all: usize) -> Option<OwnedSemaphorePermit> {
    let units = u32::try_from(bytes.min(all).div_ceil(UNIT)).unwrap_or(u32::MAX);
    room.clone().acquire_many_owned(units).await.ok()
}

/// How long so many bytes may take to arrive.
pub(crate) fn time_for(bytes: usize) -> Duration {
    PATIENCE + Duration::from_secs((bytes / SLOWEST) as u64)
}

/// The unit in which room is counted, in bytes.
const UNIT: usize = 1 << 10;
/// The largest message that needs no room, in bytes.
const SMALL: usize = 16 << 10;
/// How many bytes one peer may have on its way.
const OWN: usize = 16 << 20;
/// How many bytes all peers together may have on their way.
const ALL: usize = 64 << 20;
/// How many bytes of memory large messages may take decoded, all together.
const MEMORY: usize = 96 << 20;
/// How many bytes of memory one byte on the wire comes to at most.
const GROWTH: usize = 64;
const PATIENCE: Duration = Duration::from_secs(30);
/// How many bytes must arrive in a second, once the first half minute is over.
const SLOWEST: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    const MIB: usize = 1 << 20;

    /// The room, where there is some now.
    fn at_once(waits: impl Future<Output = Room>) -> Option<Room> {
        match pin!(waits).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(room) => Some(room),
            Poll::Pending => None,
        }
    }

    #[test]
    fn one_peer_has_16_mib_on_its_way_and_the_rest_waits() {
        let intake = Intake::default();
        let first = at_once(intake.arrive(15 * MIB)).expect("room");
        assert!(at_once(intake.clone().arrive(MIB + 1)).is_none(), "a clone is the same peer");
        let second = at_once(intake.arrive(MIB)).expect("room for the rest");
        assert!(at_once(intake.arrive((16 << 10) + 1)).is_none());
        assert!(at_once(intake.arrive(16 << 10)).is_some(), "what is small never waits");
        let another = intake.for_another();
        let its_own = at_once(another.arrive(16 * MIB)).expect("another peer has room of its own");
        assert!(at_once(another.arrive(MIB)).is_none(), "which is as much");
        drop((first, second, its_own));
        assert!(at_once(intake.arrive(usize::MAX)).is_some(), "no message is too large to have room");
    }

    #[test]
    fn all_peers_together_have_64_mib_on_their_way() {
        let intake = Intake::default();
        let peers: Vec<Intake> = (0..5).map(|_| intake.for_another()).collect();
        let mut taken: Vec<Room> =
            peers[..4].iter().map(|peer| at_once(peer.arrive(16 * MIB)).expect("room")).collect();
        assert!(at_once(peers[4].arrive(MIB)).is_none());
        taken.pop();
        assert!(at_once(peers[4].arrive(16 * MIB)).is_some());
    }

    #[test]
    fn decoded_messages_hold_96_mib_together_each_as_much_as_it_may_come_to() {
        let limit = |memory| Limit::new(16 * MIB, memory);
        let intake = Intake::default();
        let first = at_once(intake.decode(2 * MIB, limit(72 * MIB))).expect("room for 72 MiB");
        let other = intake.for_another();
        // 64 times as much as on the wire, where it may come to that.
        assert!(at_once(other.decode(384 * 1024 + 1, limit(72 * MIB))).is_none());
        let second = at_once(other.decode(384 * 1024, limit(72 * MIB))).expect("room for 24 MiB");
        assert!(at_once(other.decode((16 << 10) + 1, limit(MIB))).is_none());
        assert!(at_once(other.decode(16 << 10, limit(MIB))).is_some(), "what is small never waits");
        drop((first, second));
        assert!(
            at_once(intake.decode(16 * MIB, limit(1 << 30))).is_some(),
            "no message is too large to have room"
        );
    }

    #[test]
    fn a_message_has_half_a_minute_and_a_second_for_each_64_kib() {
        for (bytes, seconds) in [(0, 30), ((64 << 10) - 1, 30), (64 << 10, 31), (16 * MIB, 30 + 256)] {
            assert_eq!(time_for(bytes), Duration::from_secs(seconds), "{bytes} bytes");
        }
    }
}
