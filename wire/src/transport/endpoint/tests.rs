use std::net::Ipv4Addr;

use quinn::{ConnectionError, Incoming};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use time::OffsetDateTime;

use super::*;
use crate::identity::{Authority, Side};
use crate::message::version::Version;
use crate::message::{enroll, link, operator};
use crate::transport::allowance::Allowance;
use crate::transport::alpn::alpn;
use crate::transport::stream_places::StreamPlaces;

const DOORS: &[&[u8]] = &[
    b"minion/7",
    b"minion/6",
    b"minion/5",
    b"minion/4",
    b"minion/3",
    b"minion/2",
    b"minion/1",
    b"operator/7",
    b"operator/5",
    b"operator/4",
    b"enroll/1",
];

fn authority() -> Authority {
    let dir = tempfile::tempdir().expect("a folder");
    Authority::create(dir.path()).expect("an authority")
}

fn overlord(identity: &Identity) -> (Endpoint, SocketAddr) {
    let listener =
        listen((Ipv4Addr::LOCALHOST, 0).into(), identity, identity.authorities(), DOORS).expect("a listener");
    let address = listener.local_addr().expect("its address");
    (listener, address)
}

async fn accepted(listener: &Endpoint) -> Result<Connection, ConnectionError> {
    let incoming: Incoming = listener.accept().await.expect("somebody dials");
    incoming.await
}

/// Both ends of a connection, as each of them sees it.
async fn dialled(
    listener: &Endpoint,
    config: ClientConfig,
) -> (Result<Connection, ConnectionError>, Result<Connection, ConnectionError>) {
    let address = listener.local_addr().expect("its address");
    let dialler = dialler(address).expect("a dialler");
    let connecting = dialler.connect_with(config, address, SERVER_NAME).expect("dials");
    tokio::join!(connecting, accepted(listener))
}

fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(test);
}

/// The code with which the other end's TLS refused.
fn refused<T: std::fmt::Debug>(end: Result<T, ConnectionError>) -> u64 {
    match end.expect_err("refused") {
        ConnectionError::ConnectionClosed(close) => close.error_code.into(),
        ConnectionError::TransportError(error) => error.code.into(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn both_ends_know_who_is_at_the_other_and_what_they_speak() {
    run(async {
        let authority = authority();
        let (listener, _) = overlord(&authority.issue(Side::Overlord, "overlord").expect("issued"));
        let minion = authority.issue(Side::Minion, "web1").expect("issued");
        let agreements: [(&[u8], Version); 8] = [
            (b"operator/7", Version::Seven),
            (b"minion/7", Version::Seven),
            (b"minion/6", Version::Six),
            (b"minion/5", Version::Five),
            (b"minion/4", Version::Four),
            (b"minion/3", Version::Three),
            (b"minion/2", Version::Two),
            (b"minion/1", Version::One),
        ];
        for (agreed, version) in agreements {
            let trust = Trust::Authorities(minion.authorities());
            let config =
                client_config(Some(&minion), trust, &[b"minion/0", agreed]).expect("a configuration");
            let (near, far) = dialled(&listener, config).await;
            let (near, far) = (near.expect("connected"), far.expect("connected"));
            for end in [&near, &far] {
                assert_eq!((alpn(end).as_deref(), Version::of(end)), (Some(agreed), version));
            }
            let overlord = peer(&near).expect("ours").expect("it showed who it is");
            assert_eq!((overlord.side, overlord.name.as_str()), (Side::Overlord, "overlord"));
            assert_eq!(peer(&far).expect("ours"), Some(minion.peer().expect("ours")));
        }
    });
}

#[test]
fn a_newcomer_shows_nothing_and_knows_the_overlord_by_its_fingerprint_alone() {
    run(async {
        let authority = authority();
        let (listener, _) = overlord(&authority.issue(Side::Overlord, "overlord").expect("issued"));
        let with = |fingerprint| client_config(None, Trust::Fingerprint(fingerprint), &[enroll::ALPN]);
        let (near, far) = dialled(&listener, with(authority.fingerprint()).expect("a configuration")).await;
        assert!(near.is_ok());
        assert_eq!(peer(&far.expect("connected")).expect("nobody"), None);
        let (near, far) = dialled(&listener, with(Digest::of(b"other")).expect("a configuration")).await;
        assert!(near.is_err() && far.is_err());
    });
}

/// An intermediate that a root has signed.
fn intermediate(root: &Authority, name: &str) -> Authority {
    let (key, _) = crate::identity::request_authority(name).expect("made");
    let mut params = CertificateParams::new(Vec::new()).expect("parameters");
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    let signer = KeyPair::from_pem(&root.key_pem()).expect("a key");
    let issuer = Issuer::from_ca_cert_der(root.own(), signer).expect("an issuer");
    let own = params.signed_by(&KeyPair::from_pem(&key).expect("a key"), &issuer).expect("signed");
    let chain = crate::identity::certificates_to_pem(&[own.der().to_vec(), root.certificate().to_vec()]);
    Authority::from_pem(&key, chain.as_bytes()).expect("an authority")
}

#[test]
fn a_listener_takes_certificates_of_its_own_intermediate_and_of_no_other_of_the_same_root() {
    run(async {
        let root = Authority::new("root").expect("made");
        let [ours, other] = ["ours", "other"].map(|name| intermediate(&root, name));
        let identity = ours.issue(Side::Overlord, "overlord").expect("issued");
        let address = (Ipv4Addr::LOCALHOST, 0).into();
        let listener = listen(address, &identity, &[ours.own().clone()], DOORS).expect("a listener");
        for (authority, is_taken) in [(&ours, true), (&other, false), (&root, false)] {
            let operator = authority.issue(Side::Operator, "ann").expect("issued");
            let trust = Trust::Authorities(operator.authorities());
            let config = client_config(Some(&operator), trust, operator::ALPNS).expect("a configuration");
            let (_, far) = dialled(&listener, config).await;
            assert_eq!(far.is_ok(), is_taken, "{far:?}");
        }
    });
}

#[test]
fn whoever_another_authority_signed_is_refused_by_either_end() {
    run(async {
        let (ours, other) = (authority(), authority());
        let (listener, _) = overlord(&ours.issue(Side::Overlord, "overlord").expect("issued"));
        let [minion, foreign] = [&ours, &other].map(|one| one.issue(Side::Minion, "web1").expect("issued"));
        let config = |identity: &Identity, authority: &Identity| {
            client_config(Some(identity), Trust::Authorities(authority.authorities()), link::ALPNS)
        };
        let (near, far) = dialled(&listener, config(&minion, &foreign).expect("a configuration")).await;
        assert!(near.is_err() && far.is_err(), "the dialler expects another overlord");
        let (_, far) = dialled(&listener, config(&foreign, &minion).expect("a configuration")).await;
        assert!(far.is_err(), "the listener knows no such minion");
        // Only an overlord may serve, and a minion is none.
        let (false_one, _) = overlord(&minion);
        let (near, _) = dialled(&false_one, config(&minion, &minion).expect("a configuration")).await;
        assert!(near.is_err());
    });
}

#[test]
fn ends_without_a_protocol_in_common_say_so() {
    run(async {
        let authority = authority();
        let (listener, _) = overlord(&authority.issue(Side::Overlord, "overlord").expect("issued"));
        let minion = authority.issue(Side::Minion, "web1").expect("issued");
        let trust = Trust::Authorities(minion.authorities());
        let config = client_config(Some(&minion), trust, &[b"minion/9"]).expect("a configuration");
        let (near, _) = dialled(&listener, config).await;
        assert_eq!((refused(near), ALERT_NO_PROTOCOL), (0x178, 0x178));
    });
}

#[test]
fn a_minion_lets_its_overlord_open_more_streams_as_it_has_use_for_them() {
    const MANY: u32 = 300;
    run(async {
        let authority = authority();
        let (listener, _) = overlord(&authority.issue(Side::Overlord, "overlord").expect("issued"));
        let minion = authority.issue(Side::Minion, "web1").expect("issued");
        let trust = Trust::Authorities(minion.authorities());
        let config = client_config(Some(&minion), trust, link::ALPNS).expect("a configuration");
        let (near, far) = dialled(&listener, config).await;
        let (near, far) = (near.expect("connected"), far.expect("connected"));
        let opening = async {
            let mut open = Vec::new();
            for _ in 0..MANY {
                let (mut send, recv) = far.open_bi().await.expect("opened");
                send.write_all(b"!").await.expect("written");
                open.push((send, recv));
            }
            open
        };
        let answering = async {
            let mut places = StreamPlaces::new(near.clone(), Allowance::OVERLORD.streams, MANY);
            let mut open = Vec::new();
            for _ in 0..MANY {
                open.push((near.accept_bi().await.expect("opened"), places.opened()));
            }
            open
        };
        let (asked, answered) = tokio::join!(opening, answering);
        assert_eq!(asked.len(), answered.len());
    });
}

/// An authority and what it signs for a time that is not now.
fn of_another_time(side: Side, from: i64, until: i64) -> Identity {
    let mut params = CertificateParams::new(Vec::new()).expect("parameters");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    let key = KeyPair::generate().expect("a key");
    let certificate = params.self_signed(&key).expect("signed").der().clone();
    let issuer = Issuer::from_ca_cert_der(&certificate, key).expect("an issuer");
    let mut params = CertificateParams::new(vec![SERVER_NAME.to_owned()]).expect("parameters");
    params.distinguished_name.push(DnType::OrganizationalUnitName, side.as_str());
    params.distinguished_name.push(DnType::CommonName, "late");
    let moment = |seconds| OffsetDateTime::from_unix_timestamp(seconds).expect("a moment");
    (params.not_before, params.not_after) = (moment(from), moment(until));
    let key = KeyPair::generate().expect("a key");
    let signed = params.signed_by(&key, &issuer).expect("signed").der().to_vec();
    Identity::new(&key, signed, certificate.to_vec())
}

#[test]
fn an_overlord_out_of_its_time_is_refused_and_the_dialler_knows_why() {
    run(async {
        for (from, until, code) in [(1_000, 2_000, ALERT_EXPIRED), (9_000_000_000, 9_100_000_000, 0x12d)] {
            let late = of_another_time(Side::Overlord, from, until);
            let (listener, _) = overlord(&late);
            let trust = Trust::Authorities(late.authorities());
            let dialling = Dialling::new(None, trust, &[enroll::ALPN]).expect("a configuration");
            assert_eq!(dialling.untimely(), None);
            let (near, _) = dialled(&listener, dialling.config.clone()).await;
            assert_eq!((refused(near), code), (0x12d, 0x12d));
            match dialling.untimely().expect("why") {
                Untimely::Over { until: ended, .. } => assert_eq!((ended, from), (until, 1_000)),
                Untimely::NotYet { from: begins, .. } => assert_eq!(begins, 9_000_000_000),
            }
        }
    });
}

#[test]
fn a_minion_out_of_its_time_is_let_in_and_named() {
    run(async {
        let late = of_another_time(Side::Minion, 1_000, 2_000);
        let verifier = Arc::new(OwnClients(
            WebPkiClientVerifier::builder_with_provider(
                Arc::new(roots(late.authorities()).expect("roots")),
                provider(),
            )
            .build()
            .expect("a verifier"),
        ));
        let good = verifier.verify_client_cert(&late.shown()[0], &[], UnixTime::now());
        assert!(good.is_ok(), "{good:?}");
        let foreign = of_another_time(Side::Minion, 1_000, 2_000);
        assert!(verifier.verify_client_cert(&foreign.shown()[0], &[], UnixTime::now()).is_err());
        assert_eq!(
            verifier.root_hint_subjects().len(),
            1,
            "a dialler is told whose certificates are asked for"
        );
    });
}

#[test]
fn a_stranger_has_one_stream_until_it_is_known() {
    run(async {
        let authority = authority();
        let (listener, _) = overlord(&authority.issue(Side::Overlord, "overlord").expect("issued"));
        let operator = authority.issue(Side::Operator, "ann").expect("issued");
        let trust = Trust::Authorities(operator.authorities());
        let config = client_config(Some(&operator), trust, operator::ALPNS).expect("a configuration");
        let (near, far) = dialled(&listener, config).await;
        let (near, far) = (near.expect("connected"), far.expect("connected"));
        let _first = near.open_bi().await.expect("the first stream");
        let mut second = std::pin::pin!(near.open_bi());
        let waits = tokio::select! {
            biased;
            _ = &mut second => false,
            () = std::future::ready(()) => true,
        };
        assert!(waits, "a stranger has a second stream");
        Allowance::OPERATOR.give(&far);
        let _second = second.await.expect("the second stream, once it is known");
        // Nobody opens a stream to an operator.
        let mut back = std::pin::pin!(far.open_bi());
        let waits = tokio::select! {
            biased;
            _ = &mut back => false,
            () = std::future::ready(()) => true,
        };
        assert!(waits);
    });
}

#[test]
fn a_dialler_has_the_family_of_the_address_that_it_dials() {
    run(async {
        for (address, is_ipv4) in [("127.0.0.1:1", true), ("[::1]:1", false)] {
            let Ok(dialler) = dialler(address.parse().expect("an address")) else {
                // A host may be without IPv6.
                assert!(!is_ipv4);
                continue;
            };
            assert_eq!(dialler.local_addr().expect("its own").is_ipv4(), is_ipv4);
        }
        let taken = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
        let address = taken.local_addr().expect("its address");
        let identity = authority().issue(Side::Overlord, "overlord").expect("issued");
        let error = listen(address, &identity, identity.authorities(), DOORS).expect_err("taken").to_string();
        assert!(error.starts_with(&format!("cannot use UDP address {address}: ")), "{error}");
    });
}

/// A listener that died tells the peers of its former life that their connections are gone, once it is back.
#[test]
fn the_peer_of_a_listener_that_died_learns_it_from_the_next_one() {
    run(async {
        let authority = authority();
        let identity = authority.issue(Side::Overlord, "overlord").expect("issued");
        let minion = authority.issue(Side::Minion, "web1").expect("issued");
        let former = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let former = former.expect("a runtime");
        let (listener, address) = {
            let _entered = former.enter();
            overlord(&identity)
        };
        let trust = Trust::Authorities(minion.authorities());
        let config = client_config(Some(&minion), trust, link::ALPNS).expect("a configuration");
        let dialler = dialler(address).expect("a dialler");
        let connecting = dialler.connect_with(config, address, SERVER_NAME).expect("dials");
        let far = former.spawn(async move {
            let connection = accepted(&listener).await.expect("connected");
            (connection, listener)
        });
        let near = connecting.await.expect("connected");
        let (far, listener) = far.await.expect("accepted");
        // Its tasks end with it, so that no farewell is said.
        former.shutdown_background();
        drop((far, listener));
        let next = loop {
            if let Ok(next) = listen(address, &identity, identity.authorities(), DOORS) {
                break next;
            }
            tokio::task::yield_now().await;
        };
        let (mut send, _receive) = near.open_bi().await.expect("a stream");
        send.write_all(&[7; 1000]).await.expect("written");
        assert_eq!(near.closed().await, ConnectionError::Reset);
        drop(next);
    });
}
