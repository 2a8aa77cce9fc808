//! One name and several keys: who has it.

use futures::future::join_all;
use quinn::{Connection, Endpoint, RecvStream, SendStream};
use rig::Fleet;
use wire::identity::{Identity, load_or_make_key, signing_request};
use wire::message::enroll::{EnrollReply, EnrollRequest, Token};
use wire::message::inventory::Inventory;
use wire::message::link::{Hello, MAX_MESSAGE, Notice, Welcome};
use wire::transport::endpoint::{SERVER_NAME, Trust, client_config, dialler};
use wire::transport::frame;

/// A newcomer with a key of its own, which it has for as long as this lives.
struct Newcomer(tempfile::TempDir);

impl Newcomer {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    /// Its identity, if the token is good for its key.
    async fn enrol(&self, token: &Token) -> Option<Identity> {
        let key = load_or_make_key(&self.0.path().join("key")).expect("a key");
        let (_endpoint, connection) = dial(token, None, &[wire::message::enroll::ALPN]).await;
        let request =
            EnrollRequest { secret: token.secret, signing_request: signing_request(&key).expect("signed") };
        let (mut send, mut receive) = connection.open_bi().await.expect("a stream");
        frame::write(&mut send, &request, wire::message::enroll::MAX_MESSAGE).await.expect("written");
        let reply = frame::read(&mut receive, wire::message::enroll::MAX_MESSAGE).await.expect("an answer");
        let EnrollReply::Enrolled { certificate, authority, .. } = reply else { return None };
        Some(Identity::new(&key, certificate, authority))
    }
}

async fn dial(token: &Token, identity: Option<&Identity>, alpns: &[&[u8]]) -> (Endpoint, Connection) {
    let address = token.address.parse().expect("an address");
    let endpoint = dialler(address).expect("an endpoint");
    let trust = Trust::Fingerprint(token.authority);
    let config = client_config(identity, trust, alpns).expect("a configuration");
    let connection = endpoint.connect_with(config, address, SERVER_NAME).expect("dials").await;
    (endpoint, connection.expect("the handshake is good"))
}

fn invite(fleet: &Fleet) -> Token {
    fleet.run(&["minion", "invite", "web1"]).out.parse().expect("a token")
}

fn hello(version: &str) -> Notice {
    Notice::Hello(Hello {
        version: version.into(),
        modules: Inventory::default(),
        unacknowledged: Vec::new(),
        facts: format!(r#"{{"who": "{version}"}}"#),
        instance: None,
    })
}

/// Whether the overlord welcomes it.
async fn is_welcome(mut stream: (SendStream, RecvStream), version: &str) -> bool {
    let written = frame::write(&mut stream.0, &hello(version), MAX_MESSAGE).await;
    written.is_ok() && frame::read::<Welcome>(&mut stream.1, MAX_MESSAGE).await.is_ok()
}

/// The only minion, as the overlord lists it.
fn listed(fleet: &Fleet) -> serde_json::Value {
    let list = fleet.run(&["minion", "list", "--json"]).json();
    assert_eq!(list["minions"].as_array().map(Vec::len), Some(1), "{list}");
    list["minions"][0].clone()
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Runtime::new().expect("a runtime")
}

#[test]
fn a_connection_of_the_former_key_changes_nothing() {
    let fleet = Fleet::without_minions();
    let (one, other) = (invite(&fleet), invite(&fleet));
    runtime().block_on(async {
        let former = Newcomer::new().enrol(&one).await.expect("enrolled");
        let (_endpoint, before) = dial(&one, Some(&former), wire::message::link::ALPNS).await;
        // It has more than the one stream of a stranger: it was admitted.
        let streams = (before.open_bi().await.expect("one"), before.open_bi().await.expect("another"));
        let current = Newcomer::new().enrol(&other).await.expect("enrolled");
        let (_other, connection) = dial(&other, Some(&current), wire::message::link::ALPNS).await;
        assert!(is_welcome(connection.open_bi().await.expect("one"), "current").await);

        assert!(!is_welcome(streams.0, "former").await);
        before.closed().await;
        assert!(connection.close_reason().is_none(), "{:?}", connection.close_reason());
        let minion = listed(&fleet);
        assert_eq!((&minion["version"], &minion["connected"]), (&"current".into(), &true.into()), "{minion}");
        let facts = fleet.run(&["facts", "web1", "--json"]).out;
        assert!(facts.contains("current") && !facts.contains("former"), "{facts}");
    });
}

#[test]
fn a_minion_says_who_it_is_before_anything_else_and_once() {
    let fleet = Fleet::without_minions();
    let token = invite(&fleet);
    runtime().block_on(async {
        let identity = Newcomer::new().enrol(&token).await.expect("enrolled");
        let facts = Notice::Facts(r#"{"who": "early"}"#.into());
        let (_endpoint, early) = dial(&token, Some(&identity), wire::message::link::ALPNS).await;
        let (mut send, _receive) = early.open_bi().await.expect("one");
        frame::write(&mut send, &facts, MAX_MESSAGE).await.expect("written");
        early.closed().await;
        assert!(!fleet.run(&["facts", "web1", "--json"]).out.contains("early"));

        let (_endpoint, twice) = dial(&token, Some(&identity), wire::message::link::ALPNS).await;
        assert!(is_welcome(twice.open_bi().await.expect("one"), "first").await);
        assert!(!is_welcome(twice.open_bi().await.expect("another"), "second").await);
        twice.closed().await;
        assert_eq!(listed(&fleet)["version"], "first");
    });
}

#[test]
fn a_former_key_does_not_come_back_by_the_token_that_let_it_in() {
    let fleet = Fleet::without_minions();
    let (one, other) = (invite(&fleet), invite(&fleet));
    runtime().block_on(async {
        let (former, current) = (Newcomer::new(), Newcomer::new());
        // Its answer may get lost: the same key may ask again.
        assert!(former.enrol(&one).await.is_some());
        assert!(former.enrol(&one).await.is_some());
        let identity = current.enrol(&other).await.expect("enrolled");
        assert!(former.enrol(&one).await.is_none());
        let (_endpoint, connection) = dial(&other, Some(&identity), wire::message::link::ALPNS).await;
        assert!(is_welcome(connection.open_bi().await.expect("one"), "current").await);
    });
}

#[test]
fn of_newcomers_that_come_at_once_one_has_the_name_now_and_after_a_restart() {
    const NEWCOMERS: usize = 4;
    let mut fleet = Fleet::without_minions();
    let tokens: Vec<_> = (0..NEWCOMERS).map(|_| invite(&fleet)).collect();
    runtime().block_on(async {
        let enrolled = join_all(tokens.iter().map(|token| async move { Newcomer::new().enrol(token).await }));
        let identities: Vec<_> = enrolled.await.into_iter().flatten().collect();
        assert_eq!(identities.len(), NEWCOMERS);
        let mut who = Vec::new();
        for _ in ["now", "after a restart"] {
            let mut welcome = Vec::new();
            for (number, identity) in identities.iter().enumerate() {
                let (_endpoint, connection) =
                    dial(&tokens[0], Some(identity), wire::message::link::ALPNS).await;
                let Ok(stream) = connection.open_bi().await else { continue };
                if is_welcome(stream, "one").await {
                    welcome.push(number);
                }
            }
            who.push(welcome);
            drop(fleet.take_overlord());
            fleet.start_overlord();
        }
        assert_eq!(who[0].len(), 1, "{who:?}");
        assert_eq!(who[0], who[1]);
    });
}
