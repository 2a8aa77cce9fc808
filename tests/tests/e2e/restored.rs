//! An overlord whose folder comes from a backup: what was decided since is not forgotten where it is known.

use std::path::Path;
use std::process::Command;

use rig::Fleet;
use wire::identity::Identity;

use crate::copied_keys::Holder;
use crate::operators::Desk;

const DAY_MS: i64 = 24 * 3_600_000;

/// Puts a folder in the place of another.
fn copy(from: &Path, to: &Path) {
    if to.exists() {
        std::fs::remove_dir_all(to).expect("removed");
    }
    let copied = Command::new("cp").arg("-a").args([from, to]).status().expect("runs");
    assert!(copied.success());
}

fn identity(fleet: &Fleet, minion: &str) -> Identity {
    Identity::load(&fleet.minion_dir(minion).join("identity"), "minion").expect("enrolled")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_audit_log_tells_holds_in_a_folder_of_before_and_the_rest_needs_an_operator() {
    let mut fleet = Fleet::without_minions();
    for minion in ["web1", "web2", "web3"] {
        fleet.enrol(minion);
    }
    let bob = Desk::of(&fleet, "bob", &["admin"]);
    let token = fleet.run(&["minion", "invite", "web9"]).out;
    let backup = fleet.minion_dir("backup");
    fleet.take_overlord().stop();
    copy(&fleet.overlord_dir(), &backup);
    for name in ["overlord", "cli"] {
        fleet.failpoints(name).set_clock(20 * DAY_MS);
    }
    fleet.start_overlord();

    let former = identity(&fleet, "web3");
    let minion = Holder::dial(&fleet, &former).await;
    minion.link("the host").await.expect("linked");
    let next = minion.renew(&former).await;
    minion.connection.close(0_u32.into(), b"");
    assert_eq!(fleet.run(&["minion", "revoke", "web1"]).code, 0);
    assert_eq!(fleet.run(&["minion", "remove", "web2"]).code, 0);
    assert_eq!(fleet.run(&["operator", "revoke", "bob"]).code, 0);
    let refused = fleet.run(&["restored"]);
    assert!(refused.code == 1 && refused.err.contains("in use by another process"), "{refused:?}");
    fleet.take_overlord().stop();
    let log = fleet.minion_dir("log");
    copy(&fleet.overlord_dir(), &log);

    copy(&backup, &fleet.overlord_dir());
    let other = Fleet::without_minions();
    let foreign = other.overlord_dir().join("audit.jsonl");
    let foreign = fleet.run(&["restored", "--audit", foreign.to_str().expect("text")]);
    assert!(foreign.code == 1 && foreign.err.contains("does not go on from"), "{foreign:?}");
    let log = log.join("audit.jsonl");
    let restored = fleet.run(&["restored", "--audit", log.to_str().expect("text")]);
    for change in [
        "minion \"web1\" is revoked",
        "minion \"web2\" is removed",
        "minion \"web3\" has renewed its key",
        "operator \"bob\" is revoked",
        "tokens are good no more",
    ] {
        assert!(restored.code == 0 && restored.out.contains(change), "{change}: {restored:?}");
    }
    let again = fleet.run(&["restored", "--audit", log.to_str().expect("text")]);
    assert!(again.code != 0 || again.out.contains("nothing was decided"), "{again:?}");
    fleet.start_overlord();
    assert_eq!(bob.run(&["status"]).code, 4);
    for minion in ["web1", "web2"] {
        Holder::dial(&fleet, &identity(&fleet, minion)).await.connection.closed().await;
    }
    assert_ne!(fleet.join("web9", token.trim()).code, 0);
    Holder::dial(&fleet, &next).await.link("the host").await.expect("linked");
    without_the_log(&mut fleet, &backup, [&former, &next]).await;
}

/// Without the log, nobody knows of the renewal: an operator has to say that this is the minion.
async fn without_the_log(fleet: &mut Fleet, backup: &Path, [former, next]: [&Identity; 2]) {
    fleet.take_overlord().stop();
    copy(backup, &fleet.overlord_dir());
    let restored = fleet.run(&["restored"]);
    assert!(restored.code == 0 && restored.err.contains("is not known"), "{restored:?}");
    fleet.start_overlord();
    Holder::dial(fleet, next).await.connection.closed().await;
    let pending = fleet.run(&["minion", "pending", "--json"]).json()["pending"][0].clone();
    assert_eq!(pending["name"], "web3", "{pending:#}");
    let key = next.peer().expect("ours").key.to_string();
    let accepted = fleet.run(&["minion", "accept", "web3", "--fingerprint", &key]);
    assert_eq!(accepted.code, 0, "{accepted:?}");
    Holder::dial(fleet, next).await.link("the host").await.expect("linked");
    Holder::dial(fleet, former).await.connection.closed().await;
}
