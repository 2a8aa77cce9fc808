//! Minions that are taken back, and let in again.

use rig::{Fleet, named};
use serde_json::Value as Json;

fn standing(fleet: &Fleet, name: &str) -> Json {
    let minions = fleet.run(&["minion", "list", "--json"]).json();
    named(&minions["minions"], name).clone()
}

fn audited(fleet: &Fleet, event: &str) -> usize {
    let log = std::fs::read_to_string(fleet.overlord_dir().join("audit.jsonl")).expect("there");
    log.lines().filter(|line| line.contains(&format!("\"event\":\"{event}\""))).count()
}

#[test]
fn a_minion_that_is_revoked_is_out_at_once_and_after_a_restart_until_it_is_unrevoked() {
    let mut fleet = Fleet::start(&["web1", "web2"]);
    let revoked = fleet.run(&["minion", "revoke", "web1", "--why", "the host was stolen"]);
    assert!(revoked.code == 0 && revoked.out.contains("connection was ended"), "{revoked:?}");
    // The next call finds it gone.
    assert_eq!(fleet.run(&["ping", "web1"]).code, 2);
    let all = fleet.run(&["call", "*", "test.add", "2", "3", "--json"]).json();
    assert_eq!(all["targets"], 1, "{all}");
    let listed = standing(&fleet, "web1");
    assert_eq!((&listed["standing"], &listed["connected"]), (&"revoked".into(), &false.into()), "{listed}");
    assert_eq!(listed["revocation"]["why"], "the host was stolen");
    assert!(fleet.run(&["minion", "list"]).out.contains("overlord minion unrevoke web1"));
    // It tries again, and both ends say so.
    fleet.minion("web1").logged("overlord minion unrevoke", 1);
    fleet.overlord().logged("minion \\\"web1\\\" is revoked", 1);
    assert_eq!((audited(&fleet, "revoked"), audited(&fleet, "minion-refused")), (1, 1));

    drop(fleet.take_overlord());
    fleet.start_overlord();
    fleet.await_connection("web2", 1);
    fleet.overlord().logged("minion \\\"web1\\\" is revoked", 1);
    assert_eq!(standing(&fleet, "web1")["standing"], "revoked");
    assert_eq!(fleet.run(&["minion", "revoke", "web1"]).code, 2);
    assert_eq!(fleet.run(&["minion", "unrevoke", "web2"]).code, 2);
    assert_eq!(fleet.run(&["minion", "unrevoke", "web1"]).code, 0);
    fleet.await_connection("web1", 1);
    assert_eq!(fleet.run(&["ping", "web1"]).code, 0);
    assert_eq!(standing(&fleet, "web1")["revocation"], Json::Null);
}

#[test]
fn a_minion_that_is_revoked_comes_back_by_no_token_and_no_rule_that_was_there_before() {
    let mut fleet = Fleet::start(&["web1"]);
    let token = |names: &str| fleet.run(&["minion", "invite", names]).out.trim().to_owned();
    let (named, glob) = (token("web1"), token("web*"));
    let revoked = fleet.run(&["minion", "revoke", "web1"]);
    assert!(revoked.err.contains("uninvite 'web*'"), "an open token is warned of: {revoked:?}");
    drop(fleet.take_minion("web1"));
    for before in [named, glob] {
        let refused = rig::said(fleet.minion_command("web1").args(["join", &before, "--name", "web1"]));
        assert_eq!(refused.code, 1, "{refused:?}");
        assert_eq!(standing(&fleet, "web1")["standing"], "revoked");
    }
    let after = fleet.run(&["minion", "invite", "web1"]);
    assert!(after.err.contains("was revoked"), "{after:?}");
    assert_eq!(fleet.join("web1", after.out.trim()).code, 0);
    assert_eq!(standing(&fleet, "web1")["standing"], "enrolled");
    fleet.start_minion("web1");
    fleet.await_connection("web1", 2);
}

#[test]
fn a_minion_that_is_removed_is_forgotten_and_its_jobs_are_not() {
    let mut fleet = Fleet::start(&["web1"]);
    let job = fleet.run(&["call", "web1", "test.add", "2", "3", "--json"]).json();
    assert_eq!(fleet.run(&["minion", "remove", "web1"]).code, 0);
    fleet.minion("web1").logged("overlord minion invite", 1);
    let minions = fleet.run(&["minion", "list", "--json"]).json();
    assert_eq!(minions["minions"], serde_json::json!([]));
    let id = job["job"].as_str().expect("an id");
    assert_eq!(fleet.run(&["job", "show", id, "--json"]).json()["results"], job["results"]);
    let again = fleet.run(&["minion", "remove", "web1"]);
    assert!(again.code == 2 && again.err.contains("overlord minion list"), "{again:?}");

    // The name is free, and the daemon that runs takes over what the join leaves.
    let token = fleet.run(&["minion", "invite", "web1"]);
    assert!(!token.err.contains("in use"), "{token:?}");
    assert_eq!(fleet.join("web1", token.out.trim()).code, 0);
    fleet.await_connection("web1", 2);
    drop(fleet.take_overlord());
    fleet.start_overlord();
    fleet.await_connection("web1", 1);
}

#[test]
fn a_job_that_a_removed_minion_had_is_lost_and_one_that_it_never_had_is_undelivered() {
    let mut fleet = Fleet::start(&["web1"]);
    let running = fleet.run(&["call", "web1", "test.sleep", "600000", "--nowait", "--json"]).json();
    let running = running["job"].as_str().expect("an id").to_owned();
    fleet.await_begun(&running, "web1");
    drop(fleet.take_minion("web1"));
    fleet.overlord().logged("gone minion=web1", 1);
    let kept =
        fleet.run(&["call", "web1", "test.add", "2", "3", "--queue", "1h", "--nowait", "--json"]).json();
    let kept = kept["job"].as_str().expect("an id").to_owned();
    assert_eq!(fleet.run(&["minion", "remove", "web1"]).code, 0);
    for (job, outcome) in [(&running, "lost"), (&kept, "undelivered")] {
        fleet.await_job(job, |job| job["results"]["web1"]["outcome"] == outcome);
    }
}
