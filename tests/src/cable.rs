//! A bad cable to the overlord: datagrams go through it late, out of order, twice or not at all.
//!
//! It is a relay in the test's own process, so it needs no rights, and nothing of the kernel that may be
//! missing.

use std::collections::{BTreeMap, HashMap};
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How bad a cable is, each way.
#[derive(Clone, Copy, Debug)]
pub struct Badness {
    /// How many of a hundred datagrams are lost.
    pub lost: u64,
    /// How many of a hundred come twice.
    pub doubled: u64,
    /// How long they take at least.
    pub delay: Duration,
    /// How much longer they may take, each by chance: what is sent later may come sooner.
    pub jitter: Duration,
}

/// A relay of datagrams, until it is dropped.
pub struct Cable {
    address: SocketAddr,
    relay: Arc<Relay>,
    threads: Vec<JoinHandle<()>>,
}

impl Cable {
    /// a cable from a port of loopback, which the system chooses, to `far`.
    ///
    /// # Panics
    /// Where there is no port.
    pub fn to(far: SocketAddr, badness: Badness) -> Self {
        let near = Arc::new(socket());
        let address = near.local_addr().unwrap_or_else(|error| panic!("no address: {error}"));
        let (late, queue) = mpsc::channel();
        let relay = Arc::new(Relay {
            far,
            badness,
            near,
            late: Mutex::new(late),
            chance: AtomicU64::new(0),
            ended: AtomicBool::new(false),
        });
        let (reader, carrier) = (relay.clone(), relay.clone());
        let threads =
            vec![thread::spawn(move || reader.from_near()), thread::spawn(move || carrier.carry(&queue))];
        Self { address, relay, threads }
    }

    /// Where its near end is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        self.relay.ended.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // One that panicked has failed the test already, by what did not come through.
            let _ = thread.join();
        }
    }
}

struct Relay {
    far: SocketAddr,
    badness: Badness,
    near: Arc<UdpSocket>,
    late: Mutex<Sender<Datagram>>,
    /// How often chance was asked.
    chance: AtomicU64,
    ended: AtomicBool,
}

/// A datagram on its way.
struct Datagram {
    due: Instant,
    bytes: Vec<u8>,
    by: Arc<UdpSocket>,
    to: SocketAddr,
}

impl Relay {
    /// Takes what comes in at the near end, until the cable ends.
    fn from_near(self: &Arc<Self>) {
        // A socket for each peer, so that the far end can tell them apart.
        let (mut peers, mut readers) = (HashMap::new(), Vec::new());
        self.each(&self.near, |from, bytes| {
            let peer = peers.entry(from).or_insert_with(|| {
                let peer = Arc::new(socket());
                let (relay, reads) = (self.clone(), peer.clone());
                readers.push(thread::spawn(move || {
                    relay.each(&reads, |_, bytes| relay.send(bytes, &relay.near, from));
                }));
                peer
            });
            self.send(bytes, peer, self.far);
        });
        for reader in readers {
            let _ = reader.join();
        }
    }

    /// Takes each datagram that comes to a socket, until the cable ends.
    fn each(&self, socket: &UdpSocket, mut take: impl FnMut(SocketAddr, &[u8])) {
        let mut buffer = vec![0; usize::from(u16::MAX)];
        while !self.ended.load(Ordering::Relaxed) {
            // Nothing came for a while, or what was sent before found nobody.
            let Ok((length, from)) = socket.recv_from(&mut buffer) else { continue };
            take(from, &buffer[..length]);
        }
    }

    /// Sends a datagram on its way, as chance will have it.
    fn send(&self, bytes: &[u8], by: &Arc<UdpSocket>, to: SocketAddr) {
        let Badness { lost, doubled, delay, jitter } = self.badness;
        if self.percent() < lost {
            return;
        }
        for _ in 0..if self.percent() < doubled { 2 } else { 1 } {
            let due = Instant::now() + delay + jitter * self.percent() as u32 / 100;
            let datagram = Datagram { due, bytes: bytes.to_vec(), by: by.clone(), to };
            // It fails only when the cable has ended.
            let _ = self.late.lock().unwrap_or_else(PoisonError::into_inner).send(datagram);
        }
    }

    /// Delivers what is due, until the cable ends.
    fn carry(&self, queue: &Receiver<Datagram>) {
        // By the time when they are due, and where that is the same by the order in which they came.
        let (mut waiting, mut arrivals) = (BTreeMap::new(), 0_u64);
        while !self.ended.load(Ordering::Relaxed) {
            let next = waiting.first_key_value().map(|((due, _), _): (&(Instant, u64), &Datagram)| *due);
            let pause = next.map_or(TICK, |due| due.saturating_duration_since(Instant::now()));
            match queue.recv_timeout(pause) {
                Ok(datagram) => {
                    arrivals += 1;
                    waiting.insert((datagram.due, arrivals), datagram);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            while let Some(first) = waiting.first_entry().filter(|first| first.key().0 <= Instant::now()) {
                let Datagram { bytes, by, to, .. } = first.remove();
                // Nobody may be there any more: then it is lost, as on any cable.
                let _ = by.send_to(&bytes, to);
            }
        }
    }

    /// A number below a hundred, by chance that is the same in every run (SplitMix64).
    fn percent(&self) -> u64 {
        let step = self.chance.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        let mut mixed = step.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % 100
    }
}

fn socket() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap_or_else(|error| panic!("no socket: {error}"));
    // So that whoever reads from it sees the end of the cable.
    socket.set_read_timeout(Some(TICK)).unwrap_or_else(|error| panic!("no timeout: {error}"));
    socket
}

const TICK: Duration = Duration::from_millis(100);
