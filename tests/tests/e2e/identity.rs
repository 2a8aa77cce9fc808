//! Who is let in, and that the others learn nothing and are told apart in the logs.

use std::fs;

use rig::{Daemon, Fleet, free_port, modules_dir};

#[test]
fn a_used_token_gets_nowhere_and_both_sides_say_why() {
    let mut fleet = Fleet::without_minions();
    let token = fleet.run(&["minion", "invite", "web1"]).out.trim().to_owned();
    assert_eq!(fleet.join("web1", &token).code, 0);
    let again = fleet.join("impostor", &token);
    assert_ne!(again.code, 0);
    assert_eq!(again.err.trim().lines().count(), 1, "{again:?}");
    assert!(again.err.contains("overlord minion invite"), "no next step: {again:?}");
    let why = fleet.overlord().logged("refused to enrol", 1);
    assert!(why.contains("web1") && why.contains("used"), "{why}");
    drop(fleet.take_overlord());
}

#[test]
fn an_expired_token_gets_nowhere() {
    let fleet = Fleet::without_minions();
    let token = fleet.run(&["minion", "invite", "web1", "--ttl", "1ms"]).out.trim().to_owned();
    assert_ne!(fleet.join("web1", &token).code, 0);
    assert!(fleet.overlord().logged("refused to enrol", 1).contains("expired"));
}

#[test]
fn a_token_of_another_overlord_does_not_open_this_one() {
    let fleet = Fleet::without_minions();
    let other = Fleet::without_minions();
    let mut token: wire::message::enroll::Token =
        other.run(&["minion", "invite", "web1"]).out.parse().expect("a token");
    let ours: wire::message::enroll::Token =
        fleet.run(&["minion", "invite", "web1"]).out.parse().expect("a token");
    token.address = ours.address;
    let said = fleet.join("web1", &token.to_string());
    assert_ne!(said.code, 0);
    assert_eq!(said.err.trim().lines().count(), 1, "{said:?}");
}

#[test]
fn a_minion_of_another_authority_gets_nowhere_and_both_sides_say_why() {
    let fleet = Fleet::without_minions();
    let mut other = Fleet::without_minions();
    other.enrol("web1");
    let ours: wire::message::enroll::Token =
        fleet.run(&["minion", "invite", "web1"]).out.parse().expect("a token");
    let mut command = other.minion_command("web1");
    command.args(["serve", "--overlord", &ours.address]).arg("--modules").arg(modules_dir());
    let stranger = Daemon::start("stranger", &mut command);
    stranger.logged("another authority", 1);
    fleet.overlord().logged("refused", 1);
    assert_eq!(fleet.run(&["minion", "list", "--json"]).json()["minions"], serde_json::json!([]));
}

#[test]
fn a_minion_without_a_certificate_gets_nowhere() {
    let fleet = Fleet::without_minions();
    let token: wire::message::enroll::Token =
        fleet.run(&["minion", "invite", "web1"]).out.parse().expect("a token");
    let address = token.address.parse().expect("an address");
    let closed = tokio::runtime::Runtime::new().expect("a runtime").block_on(async {
        let endpoint = wire::transport::endpoint::dialler(address).expect("an endpoint");
        let trust = wire::transport::endpoint::Trust::Fingerprint(token.authority);
        let config = wire::transport::endpoint::client_config(None, trust, wire::message::link::ALPNS)
            .expect("a configuration");
        let connection = endpoint
            .connect_with(config, address, wire::transport::endpoint::SERVER_NAME)
            .expect("dials")
            .await
            .expect("the handshake itself asks for no certificate");
        connection.closed().await
    });
    let quinn::ConnectionError::ApplicationClosed(close) = closed else { panic!("{closed}") };
    assert_eq!(
        (close.error_code, &close.reason[..]),
        (wire::transport::endpoint::CLOSE_REFUSED, &b"refused"[..])
    );
    assert!(fleet.overlord().logged("refused", 1).contains("no certificate"));
}

#[test]
fn a_minion_that_was_never_enrolled_is_told_how() {
    let fleet = Fleet::without_minions();
    let said = fleet.minion_command("web1").arg("serve").output().expect("runs");
    assert!(!said.status.success());
    let err = String::from_utf8_lossy(&said.stderr);
    assert!(err.contains("minion join"), "{err}");
}

#[test]
fn an_operator_of_another_authority_is_refused() {
    let fleet = Fleet::without_minions();
    let other = Fleet::without_minions();
    let address = fs::read_to_string(fleet.overlord_dir().join("address")).expect("the noted address");
    let said = other.run(&["--address", &address, "status"]);
    assert_eq!(said.code, 4, "{said:?}");
}

#[test]
fn nobody_answers_at_a_free_port() {
    let fleet = Fleet::without_minions();
    let said = fleet.run(&["--address", &format!("127.0.0.1:{}", free_port()), "status"]);
    assert_eq!(said.code, 4, "{said:?}");
    assert!(said.err.contains("overlord serve"), "{said:?}");
}

#[test]
fn private_keys_are_private() {
    use std::os::unix::fs::PermissionsExt as _;
    let mut fleet = Fleet::without_minions();
    fleet.enrol("web1");
    let mode = |path: std::path::PathBuf| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode(fleet.overlord_dir()), 0o700);
    for key in ["authority.key", "overlord.key", "operator.key"] {
        assert_eq!(mode(fleet.overlord_dir().join(key)), 0o600, "{key}");
    }
    assert_eq!(mode(fleet.minion_dir("web1").join("identity")), 0o700);
    assert_eq!(mode(fleet.minion_dir("web1").join("identity/minion.key")), 0o600);
}
