//! Who shows a certificate that is no good is refused and learns nothing, and the overlord's owner learns who it was.

use std::time::Duration;

use quinn::{Connection, ConnectionError};
use rig::Fleet;
use serde_json::Value;
use wire::identity::{Authority, Identity, Lifetimes, Side};
use wire::message::{link, operator};
use wire::transport::endpoint::{CLOSE_REFUSED, CLOSE_UNTIMELY, SERVER_NAME, Trust, client_config, dialler};

const HOUR_MS: i64 = 3_600_000;

/// What became of a connection at a door.
#[derive(Debug, PartialEq, Eq)]
enum End {
    /// It was closed with this code, and nothing but `refused` was said.
    Closed(u32),
    /// There never was one.
    NoHandshake,
}

/// Dials a door with a certificate, of which the overlord's is taken for what the fleet's authority says, and waits for the end.
async fn dial(fleet: &Fleet, identity: &Identity, alpns: &[&[u8]]) -> End {
    let address = std::fs::read_to_string(fleet.overlord_dir().join("address")).expect("the noted address");
    let address = address.trim().parse().expect("an address");
    let endpoint = dialler(address).expect("an endpoint");
    let ours = Authority::load(&fleet.overlord_dir()).expect("there");
    let trust = Trust::Fingerprint(ours.fingerprint());
    let config = client_config(Some(identity), trust, alpns).expect("a configuration");
    match endpoint.connect_with(config, address, SERVER_NAME).expect("dials").await {
        Ok(connection) => end_of(&connection).await,
        Err(_) => End::NoHandshake,
    }
}

/// How a connection ends, over which the overlord is to say nothing.
async fn end_of(connection: &Connection) -> End {
    let said = tokio::select! {
        said = connection.accept_bi() => said.map(drop),
        said = connection.accept_uni() => said.map(drop),
        said = connection.read_datagram() => said.map(drop),
    };
    assert!(said.is_err(), "the overlord says something");
    match connection.closed().await {
        ConnectionError::ApplicationClosed(close) => {
            assert_eq!(&close.reason[..], b"refused");
            End::Closed(u32::try_from(close.error_code.into_inner()).expect("a small code"))
        }
        // The other side's certificate was no good, which it says while the handshake ends.
        _ => End::NoHandshake,
    }
}

fn denied(fleet: &Fleet) -> Vec<Value> {
    let audit = std::fs::read_to_string(fleet.overlord_dir().join("audit.jsonl")).expect("reads");
    let entries = audit.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    entries.filter(|entry| entry["decision"] == "denied").collect()
}

/// At which door what is shown, what the overlord says of it, and as which event the audit log has it.
type Case = (&'static [&'static [u8]], Identity, &'static str, Option<&'static str>);

/// Certificates that are no good, where `web1` is a minion and `bob` and `me` are operators.
fn cases(fleet: &Fleet, me: &str) -> Vec<Case> {
    let elsewhere = tempfile::tempdir().expect("a folder");
    let foreign = Authority::create(elsewhere.path()).expect("made");
    let half_a_minute = Duration::from_secs(30);
    let brief = Lifetimes { minion: half_a_minute, operator: half_a_minute };
    let ours = || Authority::load(&fleet.overlord_dir()).expect("there");
    let issued = |role, name: &str| ours().issue(role, name).expect("issued");
    let expired = |role, name: &str| ours().with_lifetimes(brief).issue(role, name).expect("issued");
    let (minion, operator) = (link::ALPNS, operator::ALPNS);
    let of = |role, name: &str| foreign.issue(role, name).expect("issued");
    let (by_minion, by_operator) = (Some("minion-refused"), Some("operator-refused"));
    vec![
        (minion, of(Side::Minion, "web1"), "the handshake failed", None),
        (operator, of(Side::Operator, me), "the handshake failed", None),
        (minion, expired(Side::Minion, "web1"), "has ended", by_minion),
        (operator, expired(Side::Operator, me), "has ended", by_operator),
        (minion, issued(Side::Operator, me), "is that of an operator", by_operator),
        (operator, issued(Side::Minion, "web1"), "is that of an minion", by_minion),
        (minion, issued(Side::Minion, "web2"), "\"web2\" is not enrolled", by_minion),
        (operator, issued(Side::Operator, "eve"), "\"eve\" is not known", by_operator),
        (minion, issued(Side::Minion, "web1"), "is enrolled with another key", by_minion),
        (operator, issued(Side::Operator, "bob"), "with another key since", by_operator),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn who_shows_a_certificate_that_is_no_good_learns_nothing_and_is_on_record() {
    let mut fleet = Fleet::without_minions();
    fleet.enrol("web1");
    let me = Identity::load(&fleet.overlord_dir(), "operator").expect("there").peer().expect("ours").name;
    let bob = crate::operators::Desk::of(&fleet, "bob", &[]);
    let cases = cases(&fleet, &me);
    fleet.failpoints("overlord").set_clock(HOUR_MS);
    fleet.failpoints("cli").set_clock(HOUR_MS);
    for (alpns, identity, why, event) in cases {
        let what = format!("{:?}: {why}", identity.peer());
        let (before, is_ended) = (denied(&fleet).len(), why == "has ended");
        let end = dial(&fleet, &identity, alpns).await;
        let code = if is_ended { CLOSE_UNTIMELY } else { CLOSE_REFUSED };
        let code = u32::try_from(code.into_inner()).expect("a small code");
        let expected = if event.is_some() { End::Closed(code) } else { End::NoHandshake };
        assert_eq!(end, expected, "{what}");
        if event.is_none() {
            // The log says why at once for the first few of a host. The others are in the audit log as well.
            fleet.overlord().logged(why, 1);
        }
        let entries = denied(&fleet).split_off(before);
        let events: Vec<_> =
            entries.iter().map(|entry| entry["event"].as_str().unwrap_or_default()).collect();
        assert_eq!(events, event.into_iter().collect::<Vec<_>>(), "{what}");
        assert!(
            entries.iter().all(|entry| entry["why"].to_string().contains(&why.replace('"', "\\\""))),
            "{what}: {entries:?}"
        );
    }
    assert_eq!(bob.run(&["whoami"]).code, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_revoked_while_connected_is_shown_out_and_stays_out() {
    let mut fleet = Fleet::without_minions();
    fleet.enrol("web1");
    let identity = Identity::load(&fleet.minion_dir("web1").join("identity"), "minion").expect("enrolled");
    let minion = crate::copied_keys::Holder::dial(&fleet, &identity).await;
    minion.link("the host").await.expect("linked");
    assert_eq!(fleet.run(&["minion", "revoke", "web1"]).code, 0);
    assert_eq!(end_of(&minion.connection).await, End::Closed(1));
    assert_eq!(dial(&fleet, &identity, link::ALPNS).await, End::Closed(1));
    fleet.overlord().logged("is revoked", 1);
    let entries = denied(&fleet);
    assert!(
        entries.iter().any(|entry| entry["event"] == "minion-refused" && entry["minion"] == "web1"),
        "{entries:?}"
    );
}
