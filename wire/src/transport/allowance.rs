//! What each end of a connection lets the other end make it hold.
//!
//! Which door a peer wants is known only after its handshake. So every connection that a listener accepts begins
//! as that of a stranger, and is given more by the code that knows the peer.

use std::sync::Arc;
use std::time::Duration;

use quinn::{Connection, ServerConfig, TransportConfig, VarInt};

use super::heartbeat::Heartbeat;
use crate::message::{enroll, link};

/// What a peer may make this end of a connection hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// How many streams the peer may have open at once, of those that it opens itself.
    pub streams: u32,
    /// How many bytes that nobody has read yet the peer may have sent, on all streams together.
    pub unread: u32,
    /// How many bytes that the peer has not acknowledged yet are kept for it.
    pub unacknowledged: u32,
}

impl Allowance {
    /// For a peer that the overlord does not know, or not yet: enough for one request of a newcomer.
    pub const STRANGER: Self = Self { streams: 1, unread: 32 << 10, unacknowledged: 32 << 10 };

    /// For a minion at the overlord. Its own streams are notices, which it sends one after the other; jobs are on
    /// streams of the overlord, all of which are read as fast as they come in.
    pub const MINION: Self = Self { streams: 16, unread: 8 << 20, unacknowledged: 8 << 20 };

    /// For an operator at the overlord. A program may follow many jobs at once, each on a stream.
    pub const OPERATOR: Self = Self { streams: 1024, unread: 8 << 20, unacknowledged: 8 << 20 };

    /// For the overlord at a minion: a stream for each job that it started there or asks about. It is given more streams as it
    /// uses these, up to [`REQUESTS`]: see [`StreamPlaces`](crate::transport::stream_places::StreamPlaces).
    pub const OVERLORD: Self = Self { streams: 64, unread: 16 << 20, unacknowledged: 8 << 20 };

    /// For the overlord at an operator, on streams that the operator opened. A program may leave some of them
    /// unread for as long as it likes, and those must not hold up the others.
    const ANSWERS: Self =
        Self { streams: 0, unread: STREAM_WINDOW * Self::OPERATOR.streams, unacknowledged: 8 << 20 };

    /// For the overlord at a newcomer: one answer.
    const ANSWER: Self = Self { streams: 0, ..Self::STRANGER };

    /// What the listener may make a dialler hold that wants this door.
    fn of_dialler(alpn: &[u8]) -> Self {
        // All versions of a door have the same room.
        let kind = |alpn: &[u8]| alpn.split(|byte| *byte == b'/').next().map(<[u8]>::to_vec);
        match kind(alpn) {
            door if door == kind(link::ALPNS[0]) => Self::OVERLORD,
            door if door == kind(enroll::ALPN) => Self::ANSWER,
            _ => Self::ANSWERS,
        }
    }

    /// Gives the other end of a connection that began with less this allowance, from now on.
    pub fn give(self, connection: &Connection) {
        connection.set_send_window(self.unacknowledged.into());
        connection.set_receive_window(self.unread.into());
        connection.set_max_concurrent_bi_streams(self.streams.into());
    }

    /// What whoever lets the other end hold this is set up with, where a connection may be silent for so long.
    fn transport(self, silence: Duration) -> TransportConfig {
        let mut transport = TransportConfig::default();
        transport.max_idle_timeout(Some(VarInt::from_u32(silence.as_millis() as u32).into()));
        transport.max_concurrent_bidi_streams(self.streams.into());
        transport.receive_window(self.unread.into());
        transport.send_window(self.unacknowledged.into());
        transport.stream_receive_window(STREAM_WINDOW.into());
        // Every request is bidirectional; nothing else has a door.
        transport.max_concurrent_uni_streams(0u32.into());
        transport.datagram_receive_buffer_size(None);
        transport.datagram_send_buffer_size(0);
        transport
    }
}

/// The settings of the transport for a dialler that wants the door `alpn`, and gives signs of life so often.
pub(crate) fn dialling(alpn: &[u8], heartbeat: Heartbeat) -> Arc<TransportConfig> {
    let mut transport = Allowance::of_dialler(alpn).transport(heartbeat.silence());
    transport.keep_alive_interval(Some(heartbeat.pause()));
    Arc::new(transport)
}

/// Bounds what a listener holds for peers whose handshake is not over.
pub(crate) fn bound_strangers(config: &mut ServerConfig) {
    // Whoever dialled gives signs of life, and decides how long a silence is: the shorter one of both ends counts.
    let mut transport = Allowance::STRANGER.transport(Heartbeat::longest_silence());
    transport.stream_receive_window(LISTENER_STREAM_WINDOW.into());
    // A connection that fails is held for three times what its answers may take; before anything is known of
    // the way to the peer, this is what that is reckoned from.
    transport.initial_rtt(INITIAL_RTT);
    config.transport_config(Arc::new(transport));
    config.max_incoming(MAX_INCOMING);
    // A first flight is one or two datagrams.
    config.incoming_buffer_size(16 << 10);
    config.incoming_buffer_size_total(4 << 20);
    // Peers keep no such tokens from one connection to the next; under load they get one by a retry.
    config.validation_token.sent(0);
}

/// How many streams an overlord may have open at a minion.
pub const REQUESTS: u32 = 4096;
/// How many first datagrams may wait to be looked at: more than any listener here lets wait.
const MAX_INCOMING: usize = 2048;
const INITIAL_RTT: Duration = Duration::from_millis(100);
/// How many bytes that nobody has read yet one stream may have, at whoever dialled.
const STREAM_WINDOW: u32 = 1 << 20;
/// The same at a listener, where thousands of minions may answer at once, each with more than there is room for. It is what
/// one stream can carry in the time of a round trip.
const LISTENER_STREAM_WINDOW: u32 = 128 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_dials_lets_the_overlord_do_what_the_door_needs() {
        assert_eq!(Allowance::of_dialler(b"minion/1"), Allowance::OVERLORD);
        assert_eq!(Allowance::of_dialler(b"minion/2"), Allowance::OVERLORD);
        assert_eq!(Allowance::of_dialler(b"enroll/1"), Allowance::ANSWER);
        assert_eq!(Allowance::of_dialler(b"operator/1"), Allowance::ANSWERS);
        assert_eq!(Allowance::ANSWERS.streams, 0);
    }

    #[test]
    fn each_peer_may_make_an_end_hold_so_much() {
        const KIB: u32 = 1 << 10;
        const MIB: u32 = 1 << 20;
        for (allowance, streams, unread, unacknowledged) in [
            (Allowance::STRANGER, 1, 32 * KIB, 32 * KIB),
            (Allowance::MINION, 16, 8 * MIB, 8 * MIB),
            (Allowance::OPERATOR, 1024, 8 * MIB, 8 * MIB),
            (Allowance::OVERLORD, 64, 16 * MIB, 8 * MIB),
            // A whole window for each stream of an operator.
            (Allowance::ANSWERS, 0, 1024 * MIB, 8 * MIB),
            (Allowance::ANSWER, 0, 32 * KIB, 32 * KIB),
        ] {
            assert_eq!(allowance, Allowance { streams, unread, unacknowledged });
        }
    }

    /// What quinn says of a transport that was set up, field by field: nothing else tells it.
    #[track_caller]
    fn says(shown: &str, fields: &[&str]) {
        for field in fields {
            assert!(shown.contains(field), "{field} is not in {shown}");
        }
    }

    #[test]
    fn a_transport_has_what_its_allowance_says_and_keeps_itself_alive() {
        let shown = format!("{:?}", dialling(b"minion/4", Heartbeat::told(20_000)));
        says(&shown, &["max_idle_timeout: Some(60000),", "keep_alive_interval: Some(20s),"]);
        let shown = format!("{:?}", dialling(b"minion/4", Heartbeat::default()));
        says(
            &shown,
            &[
                "max_concurrent_bidi_streams: 64,",
                "max_concurrent_uni_streams: 0,",
                "max_idle_timeout: Some(15000),",
                " stream_receive_window: 1048576,",
                " receive_window: 16777216,",
                "send_window: 8388608,",
                "keep_alive_interval: Some(5s),",
                "datagram_receive_buffer_size: None,",
                "datagram_send_buffer_size: 0,",
            ],
        );
    }

    #[test]
    fn a_listener_holds_little_for_strangers() {
        let key = rcgen::KeyPair::generate().expect("a key");
        let certificate = rcgen::CertificateParams::new(vec!["overlord".to_owned()])
            .and_then(|params| params.self_signed(&key))
            .expect("a certificate");
        let key = rustls::pki_types::PrivatePkcs8KeyDer::from(key.serialize_der());
        let chain = vec![certificate.der().clone()];
        let mut config = ServerConfig::with_single_cert(chain, key.into()).expect("a configuration");
        bound_strangers(&mut config);
        says(
            &format!("{config:?}"),
            &[
                "max_concurrent_bidi_streams: 1,",
                " receive_window: 32768,",
                "send_window: 32768,",
                "max_idle_timeout: Some(75000),",
                "keep_alive_interval: None,",
                "initial_rtt: 100ms,",
                " stream_receive_window: 131072,",
                "sent: 0",
                "max_incoming: 2048,",
                "incoming_buffer_size: 16384,",
                "incoming_buffer_size_total: 4194304,",
            ],
        );
    }
}
