//! Peers that nobody let in, and what they do to an overlord.
//!
//! An attacker is a function that goes on until it is told to stop and counts what it did; [`ALL`] lists them.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use quinn::{ClientConfig, Connection, Endpoint, TransportConfig};
use rig::{Fleet, until};
use tokio::task::JoinSet;
use wire::digest::Digest;
use wire::identity::{Authority, Identity, Side};
use wire::message::enroll::{EnrollReply, EnrollRequest, Token};
use wire::transport::endpoint::{SERVER_NAME, Trust, client_config};
use wire::transport::frame;

/// An overlord, and where it is attacked from.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    /// What everybody knows who ever saw its certificate.
    pub(crate) authority: Digest,
    /// An address of loopback.
    pub(crate) from: IpAddr,
}

/// An attacker's work.
#[derive(Default)]
pub(crate) struct Work {
    ended: AtomicBool,
    done: AtomicU64,
}

/// What one attacker does.
pub(crate) type Attacker = fn(&Target, &Work);

/// All that is done by those whom nobody let in.
pub(crate) const ALL: [Attacker; 7] = [
    half_open_from_one_socket,
    half_open_from_many_ports,
    half_open_with_proof,
    full_streams,
    wrong_tokens,
    certificates_of_nobody,
    garbage,
];

/// Attackers at work, until it is dropped.
pub(crate) struct Attack(Vec<(Arc<Work>, JoinHandle<()>)>);

impl Target {
    /// The overlord of a fleet.
    pub(crate) fn of(fleet: &Fleet, from: [u8; 4]) -> Self {
        let token: Token = fleet.run(&["minion", "invite", "nobody"]).out.parse().expect("a token");
        let address = token.address.parse().expect("an address");
        Self { address, authority: token.authority, from: from.into() }
    }

    /// What a stranger dials with, who lets the overlord and itself do whatever they like.
    pub(crate) fn config(&self, identity: Option<&Identity>, alpn: &[u8]) -> ClientConfig {
        let trust = Trust::Fingerprint(self.authority);
        let mut config = client_config(identity, trust, &[alpn]).expect("a configuration");
        config.transport_config(Arc::new(TransportConfig::default()));
        config
    }

    /// An endpoint at the attacker's address.
    pub(crate) fn endpoint(&self) -> Endpoint {
        Endpoint::client((self.from, 0).into()).expect("an endpoint")
    }

    /// A connection of a stranger, if it gets one.
    pub(crate) async fn connect(&self, by: &Endpoint, config: ClientConfig) -> Option<Connection> {
        by.connect_with(config, self.address, SERVER_NAME).expect("dials").await.ok()
    }

    fn socket(&self) -> UdpSocket {
        let socket = UdpSocket::bind((self.from, 0)).expect("a socket");
        socket.set_read_timeout(Some(TICK)).expect("set");
        socket
    }
}

impl Work {
    pub(crate) fn goes_on(&self) -> bool {
        !self.ended.load(Ordering::Relaxed)
    }

    pub(crate) fn did(&self) {
        self.done.fetch_add(1, Ordering::Relaxed);
    }

    /// Ends with the work.
    async fn end(&self) {
        while self.goes_on() {
            tokio::time::sleep(TICK).await;
        }
    }
}

impl Attack {
    /// Begins, and waits until each of them has done so much.
    pub(crate) fn begin(target: &Target, attackers: &[Attacker], enough: u64) -> Self {
        let begin = |attacker: &Attacker| {
            let (attacker, target, work) = (*attacker, target.clone(), Arc::new(Work::default()));
            let its = work.clone();
            (work, thread::spawn(move || attacker(&target, &its)))
        };
        let attack = Self(attackers.iter().map(begin).collect());
        until(|| {
            let done = attack.done();
            let is_enough = done.iter().all(|done| *done >= enough);
            if is_enough { Ok(()) } else { Err(format!("an attacker gets nowhere: {done:?}")) }
        });
        attack
    }

    /// How much each of them has done.
    pub(crate) fn done(&self) -> Vec<u64> {
        self.0.iter().map(|(work, _)| work.done.load(Ordering::Relaxed)).collect()
    }
}

impl Drop for Attack {
    fn drop(&mut self) {
        self.0.iter().for_each(|(work, _)| work.ended.store(true, Ordering::Relaxed));
        for (_, thread) in self.0.drain(..) {
            let ended = thread.join();
            assert!(ended.is_ok() || thread::panicking(), "an attacker panicked");
        }
    }
}

/// Begins handshakes from one socket and reads no answer.
fn half_open_from_one_socket(target: &Target, work: &Work) {
    let (socket, mut datagrams) = (target.socket(), initials(target).into_iter().cycle());
    while work.goes_on() {
        let _ = socket.send_to(&datagrams.next().expect("one"), target.address);
        work.did();
        thread::sleep(PACE);
    }
}

/// The same, each from a port of its own.
fn half_open_from_many_ports(target: &Target, work: &Work) {
    let datagrams = initials(target);
    let sockets: Vec<_> = datagrams.iter().map(|_| target.socket()).collect();
    for (socket, datagram) in sockets.iter().zip(&datagrams).cycle() {
        if !work.goes_on() {
            return;
        }
        let _ = socket.send_to(datagram, target.address);
        work.did();
        thread::sleep(PACE);
    }
}

/// Begins handshakes, proves its address where it has to, and goes no further: a relay between a client and
/// the overlord lets nothing back but the demand for that proof.
fn half_open_with_proof(target: &Target, work: &Work) {
    let (near, far) = (UdpSocket::bind("127.0.0.1:0").expect("a socket"), target.socket());
    near.set_read_timeout(Some(TICK)).expect("set");
    let relay = near.local_addr().expect("an address");
    let client = std::sync::Mutex::new(None);
    thread::scope(|scope| {
        scope.spawn(|| {
            each(work, &near, |from, bytes| {
                *client.lock().expect("sound") = Some(from);
                let _ = far.send_to(bytes, target.address);
            })
        });
        scope.spawn(|| {
            each(work, &far, |_, bytes| {
                let is_demand = bytes.first().is_some_and(|first| first & 0xf0 == 0xf0);
                if let Some(client) = client.lock().expect("sound").filter(|_| is_demand) {
                    let _ = near.send_to(bytes, client);
                }
            })
        });
        runtime().block_on(async {
            let endpoint = Endpoint::client(([127, 0, 0, 1], 0).into()).expect("an endpoint");
            let (mut begun, config) = (Vec::new(), target.config(None, wire::message::operator::ALPNS[0]));
            while work.goes_on() {
                begun.push(endpoint.connect_with(config.clone(), relay, SERVER_NAME).expect("dials"));
                work.did();
                tokio::time::sleep(PACE).await;
            }
        });
    });
}

/// Comes as a newcomer and sends as much as it may on as many streams as it may, but no request.
fn full_streams(target: &Target, work: &Work) {
    async fn fill(connection: Connection) {
        let mut writes = JoinSet::new();
        while let Ok((mut send, receive)) = connection.open_bi().await {
            writes.spawn(async move {
                // The first byte that is missing is the only one that the overlord waits for.
                let _ = send.write_all(&[0]).await;
                let _ = send.write_all(&[0; 1 << 20]).await;
                let _ = send.stopped().await;
                drop(receive);
            });
        }
    }
    runtime().block_on(async {
        let (endpoint, mut fillers) = (target.endpoint(), JoinSet::new());
        let attack = async {
            loop {
                if let Some(connection) =
                    target.connect(&endpoint, target.config(None, wire::message::enroll::ALPN)).await
                {
                    fillers.spawn(fill(connection));
                }
                work.did();
                while fillers.try_join_next().is_some() {}
            }
        };
        tokio::select! {
            () = attack => {}
            () = work.end() => {}
        }
    });
}

/// Tries one token after the other, several at a time.
fn wrong_tokens(target: &Target, work: &Work) {
    runtime().block_on(async {
        let endpoint = target.endpoint();
        let tries = async || loop {
            let _ = try_token(target, &endpoint, wire::identity::secret().expect("a secret")).await;
            work.did();
        };
        tokio::select! {
            _ = async { tokio::join!(tries(), tries(), tries(), tries()) } => {}
            () = work.end() => {}
        }
    });
}

/// The answer to a token that nobody made, if there is one.
pub(crate) async fn try_token(target: &Target, by: &Endpoint, secret: [u8; 16]) -> Option<EnrollReply> {
    let connection = target.connect(by, target.config(None, wire::message::enroll::ALPN)).await?;
    let request = EnrollRequest { secret, signing_request: vec![7; 1000] };
    let (mut send, mut receive) = connection.open_bi().await.ok()?;
    frame::write(&mut send, &request, wire::message::enroll::MAX_MESSAGE).await.ok()?;
    frame::read(&mut receive, wire::message::enroll::MAX_MESSAGE).await.ok()
}

/// Shakes hands with a certificate that it made itself.
fn certificates_of_nobody(target: &Target, work: &Work) {
    let folder = tempfile::tempdir().expect("a folder");
    let authority = Authority::create(folder.path()).expect("an authority");
    let identity = authority.issue(Side::Operator, "eve").expect("an identity");
    runtime().block_on(async {
        let (endpoint, config) =
            (target.endpoint(), target.config(Some(&identity), wire::message::operator::ALPNS[0]));
        let attack = async {
            loop {
                if let Some(connection) = target.connect(&endpoint, config.clone()).await {
                    connection.closed().await;
                }
                work.did();
            }
        };
        tokio::select! {
            () = attack => {}
            () = work.end() => {}
        }
    });
}

/// Sends first datagrams that are damaged, of no version, or no QUIC at all.
fn garbage(target: &Target, work: &Work) {
    let (socket, datagrams) = (target.socket(), initials(target));
    for (number, datagram) in datagrams.into_iter().cycle().enumerate() {
        if !work.goes_on() {
            return;
        }
        let mut datagram = datagram;
        match number % 4 {
            0 => datagram[1..5].copy_from_slice(&[0xfa; 4]),
            1 => datagram[40..].fill(number as u8),
            2 => datagram.fill(number as u8),
            _ => datagram.truncate(1199),
        }
        let _ = socket.send_to(&datagram, target.address);
        work.did();
        thread::sleep(PACE);
    }
}

/// First datagrams of many connections, each good for one handshake.
fn initials(target: &Target) -> Vec<Vec<u8>> {
    let catcher = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let address = catcher.local_addr().expect("an address");
    runtime().block_on(async {
        let endpoint = Endpoint::client(([127, 0, 0, 1], 0).into()).expect("an endpoint");
        let (mut dialled, mut caught) = (Vec::new(), std::collections::BTreeMap::new());
        let config = target.config(None, wire::message::operator::ALPNS[0]);
        while caught.len() < INITIALS {
            dialled.push(endpoint.connect_with(config.clone(), address, SERVER_NAME).expect("dials"));
            let socket = catcher.try_clone().expect("a socket");
            let datagram = tokio::task::spawn_blocking(move || {
                let mut buffer = vec![0; 2000];
                let length = socket.recv(&mut buffer).expect("received");
                buffer.truncate(length);
                buffer
            });
            let datagram = datagram.await.expect("read");
            // By the connection's id: what came late is sent again.
            let id = datagram[6..6 + usize::from(datagram[5])].to_vec();
            caught.insert(id, datagram);
        }
        caught.into_values().collect()
    })
}

/// Takes each datagram that comes to a socket, while the work goes on.
fn each(work: &Work, socket: &UdpSocket, mut take: impl FnMut(SocketAddr, &[u8])) {
    let mut buffer = vec![0; usize::from(u16::MAX)];
    while work.goes_on() {
        // Nothing came for a while, or what was sent before found nobody.
        let Ok((length, from)) = socket.recv_from(&mut buffer) else { continue };
        take(from, &buffer[..length]);
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

/// How many handshakes an attacker begins before it begins again with the first: more than one remembers.
const INITIALS: usize = 512;
/// Between two datagrams: several times the 64 in a second with which it once began.
const PACE: Duration = Duration::from_millis(5);
const TICK: Duration = Duration::from_millis(20);
