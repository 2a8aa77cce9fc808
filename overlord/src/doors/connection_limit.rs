//! How many peers may be on their way in at once, from each source and in all.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep, timeout};

use super::source::Source;
use machine::lock;

/// What one kind of source may hold.
#[derive(Clone, Copy, Debug)]
pub(super) struct Share {
    /// How many of its peers may be served at once.
    pub(super) places: usize,
    /// How many of its peers may be there at once, those who wait for a place included.
    pub(super) present: usize,
}

/// The shares of all kinds of sources.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shares {
    pub(super) socket: Share,
    pub(super) host: Share,
    pub(super) network: Share,
    pub(super) everyone: Share,
}

/// Those who are on their way in.
///
/// A place of a larger source is waited for only by those who have one of each smaller source, in the order
/// in which they came. So a source that sends many waits for itself, and others pass it by.
pub(super) struct ConnectionLimit {
    shares: Shares,
    present: Mutex<HashMap<Source, Present>>,
}

/// What a source has at the moment.
struct Present {
    count: usize,
    places: Arc<Places>,
}

/// The places of a source.
struct Places {
    free: Arc<Semaphore>,
    waiting: AtomicUsize,
}

/// One that waits for a place, for as long as it does.
struct Waiting<'a>(&'a Places);

/// A peer on its way in, until it is dropped.
pub(super) struct Ticket {
    limit: Arc<ConnectionLimit>,
    sources: [Source; 4],
    /// What it has of each source, from the smallest on.
    places: Vec<OwnedSemaphorePermit>,
}

impl Shares {
    fn of(&self, source: Source) -> Share {
        match source {
            Source::Socket(_) => self.socket,
            Source::Host(_) => self.host,
            Source::Network(_) => self.network,
            Source::Everyone => self.everyone,
        }
    }
}

impl ConnectionLimit {
    pub(super) fn new(shares: Shares) -> Arc<Self> {
        Arc::new(Self { shares, present: Mutex::default() })
    }

    /// A ticket for a peer at this address; `None` where one of its sources has too many already.
    ///
    /// No source has more than a part of what is left for all others, so that a few which send as many as they
    /// can leave room for the first peers of one more.
    pub(super) fn enter(self: &Arc<Self>, from: SocketAddr) -> Option<Ticket> {
        let sources = Source::all_of(from);
        let mut present = self.lock();
        let count = |source: Source| present.get(&source).map_or(0, |present| present.count);
        let left = self.shares.everyone.present.saturating_sub(count(Source::Everyone));
        let is_full = |source: &Source| {
            let limit = self.shares.of(*source).present;
            let part = if *source == Source::Everyone { limit } else { (left / PART).max(1) };
            count(*source) >= limit.min(part)
        };
        if sources.iter().any(is_full) {
            return None;
        }
        for source in sources {
            let places = || Arc::new(Places::new(self.shares.of(source).places));
            present.entry(source).or_insert_with(|| Present { count: 0, places: places() }).count += 1;
        }
        Some(Ticket { limit: self.clone(), sources, places: Vec::with_capacity(sources.len()) })
    }

    /// How many peers are there from the host at this address, and in all.
    pub(super) fn crowd(&self, from: SocketAddr) -> (usize, usize) {
        let present = self.lock();
        let count = |source| present.get(&source).map_or(0, |present| present.count);
        (count(Source::host_of(from)), count(Source::Everyone))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Source, Present>> {
        lock::hold(&self.present)
    }
}

impl Ticket {
    /// Waits for a place of every source, no longer than `patience`. Whether it came.
    pub(super) async fn place(&mut self, patience: Duration) -> bool {
        timeout(patience, async {
            for source in self.sources.into_iter().skip(self.places.len()) {
                let places = self.limit.lock().get(&source).map(|present| present.places.clone());
                // They are there for as long as the ticket is.
                let Some(places) = places else { return false };
                let Some(place) = places.take().await else { return false };
                self.places.push(place);
            }
            true
        })
        .await
        .unwrap_or(false)
    }

    /// Ends when the peer has had its place for long enough: for `patience`, and while others wait for one,
    /// for no longer than `least`.
    pub(super) async fn overdue(&self, least: Duration, patience: Duration) {
        let end = Instant::now() + patience;
        sleep(least).await;
        while Instant::now() < end && !self.is_wanted() {
            sleep(LOOK).await;
        }
    }

    /// Whether others wait for its place.
    fn is_wanted(&self) -> bool {
        let present = self.limit.lock();
        let waiting = |source| present.get(source).map_or(0, |present: &Present| present.places.waiting());
        self.sources.iter().any(|source| waiting(source) > 0)
    }
}

impl Places {
    fn new(count: usize) -> Self {
        Self { free: Arc::new(Semaphore::new(count)), waiting: AtomicUsize::new(0) }
    }

    /// Waits for a place.
    async fn take(&self) -> Option<OwnedSemaphorePermit> {
        if let Ok(place) = self.free.clone().try_acquire_owned() {
            return Some(place);
        }
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let _waiting = Waiting(self);
        // They are never closed.
        self.free.clone().acquire_owned().await.ok()
    }

    fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut present = self.limit.lock();
        for source in &self.sources {
            if let Some(entry) = present.get_mut(source) {
                entry.count -= 1;
                if entry.count == 0 {
                    present.remove(source);
                }
            }
        }
    }
}

/// A host or a network may have one part in so many of the room that is left.
const PART: usize = 4;

/// How often it is looked whether others wait for a place.
const LOOK: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;

    const SHARES: Shares = Shares {
        socket: Share { places: 1, present: 2 },
        host: Share { places: 2, present: 4 },
        network: Share { places: 3, present: 6 },
        everyone: Share { places: 4, present: 64 },
    };

    fn at(address: &str) -> SocketAddr {
        address.parse().expect("an address")
    }

    /// Whether it has one at once; it waits no longer.
    async fn has_place(ticket: &mut Ticket) -> bool {
        futures::poll!(std::pin::pin!(ticket.place(Duration::from_secs(60)))) == std::task::Poll::Ready(true)
    }

    #[tokio::test]
    async fn a_source_that_sends_many_leaves_places_to_others() {
        let limit = ConnectionLimit::new(SHARES);
        let mut flood: Vec<_> = (0..100u16)
            .filter_map(|port| limit.enter(SocketAddr::new(at("198.51.100.7:0").ip(), port)))
            .collect();
        assert_eq!(flood.len(), SHARES.host.present);
        let mut placed = 0;
        for ticket in &mut flood {
            placed += usize::from(has_place(ticket).await);
        }
        assert_eq!(placed, SHARES.host.places);
        let mut neighbour = limit.enter(at("198.51.100.8:1")).expect("room");
        assert!(has_place(&mut neighbour).await);
        let mut other = limit.enter(at("203.0.113.1:1")).expect("room");
        assert!(has_place(&mut other).await);
        // One that waits makes others of its source hurry, and nobody else.
        let (first, last) = flood.split_at_mut(1);
        let mut waiting = std::pin::pin!(last[1].place(Duration::from_secs(60)));
        assert!(futures::poll!(&mut waiting).is_pending());
        assert!(first[0].is_wanted() && !other.is_wanted());
    }

    #[tokio::test]
    async fn a_socket_that_sends_many_leaves_places_to_others_of_its_address() {
        let limit = ConnectionLimit::new(SHARES);
        let flood: Vec<_> = (0..100).filter_map(|_| limit.enter(at("198.51.100.7:1"))).collect();
        assert_eq!(flood.len(), SHARES.socket.present);
        let mut other = limit.enter(at("198.51.100.7:2")).expect("room");
        assert!(has_place(&mut other).await);
    }

    #[tokio::test]
    async fn a_network_of_many_hosts_leaves_places_to_others() {
        let limit = ConnectionLimit::new(SHARES);
        let hosts = |n: u16| SocketAddr::from(([0x2001, 0xdb8, 1, n, 0, 0, 0, 1], n));
        let flood: Vec<_> = (0..100).filter_map(|n| limit.enter(hosts(n))).collect();
        assert_eq!(flood.len(), SHARES.network.present);
        let mut other = limit.enter(at("[2001:db8:2::1]:1")).expect("room");
        assert!(has_place(&mut other).await);
    }

    #[tokio::test]
    async fn many_networks_leave_room_for_one_more() {
        let many = Share { places: 64, present: 64 };
        let limit = ConnectionLimit::new(Shares { network: many, everyone: many, ..SHARES });
        let flood: Vec<_> = (0..10_000u32)
            .filter_map(|n| limit.enter(([10, (n % 8) as u8, 0, (n / 8 % 200) as u8], 9).into()))
            .collect();
        assert!(flood.len() > 32, "{}", flood.len());
        assert!(limit.enter(at("203.0.113.1:1")).is_some());
    }

    #[tokio::test]
    async fn nothing_is_kept_of_those_who_are_gone() {
        let limit = ConnectionLimit::new(SHARES);
        let mut first = limit.enter(at("198.51.100.7:1")).expect("room");
        let mut second = limit.enter(at("198.51.100.7:1")).expect("room");
        assert!(has_place(&mut first).await && !has_place(&mut second).await);
        drop(first);
        assert!(has_place(&mut second).await);
        drop(second);
        assert!(limit.lock().is_empty());
        assert_eq!(limit.crowd(at("198.51.100.7:1")), (0, 0));
    }
}
