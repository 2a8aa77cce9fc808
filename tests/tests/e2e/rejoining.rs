//! `minion join` in the folder of a minion that serves.

use rig::Fleet;

#[test]
fn a_minion_that_serves_goes_on_with_what_another_join_left() {
    let fleet = Fleet::start(&["web1"]);
    let id = fleet.run(&["call", "web1", "--nowait", "test.sleep", "600000"]).out.trim().to_owned();
    fleet.await_begun(&id, "web1");
    let invited = fleet.run(&["minion", "invite", "web1"]);
    assert!(invited.err.contains("\"web1\" is in use, by a minion that is linked from"), "{invited:?}");
    let meant = fleet.run(&["minion", "invite", "web1", "--replace"]);
    assert!(!meant.err.contains("in use"), "{meant:?}");
    let fresh = fleet.run(&["minion", "invite", "web2"]);
    assert!(!fresh.err.contains("in use"), "{fresh:?}");

    let joined = fleet.join("web1", invited.out.trim());
    assert_eq!(joined.code, 0, "{joined:?}");
    fleet.await_connection("web1", 2);
    // The host is the same, and so are its jobs.
    fleet.run(&["job", "cancel", &id]);
    let ended = fleet.run(&["job", "wait", &id, "--json"]).json();
    assert_eq!(ended["results"]["web1"]["outcome"], "cancelled", "{ended:#}");

    let unasked = fleet.join("web1", fresh.out.trim());
    assert!(unasked.code == 1 && unasked.err.contains("join again with --name web2"), "{unasked:?}");
    let named = ["join", fresh.out.trim(), "--name", "web2"];
    let joined = rig::said(fleet.minion_command("web1").args(named));
    assert_eq!(joined.code, 0, "{joined:?}");
    fleet.await_connection("web2", 1);
    let status = rig::said(fleet.minion_command("web1").arg("status"));
    assert!(status.out.contains("minion    web2 "), "{status:?}");
    assert_eq!(fleet.minion("web1").count("enrol it"), 0, "a cause that was none was named");
}

#[test]
fn a_minion_that_serves_goes_over_to_another_overlord() {
    let (fleet, other) = (Fleet::start(&["web1"]), Fleet::without_minions());
    let invited = other.run(&["minion", "invite", "db1"]);
    let joined = fleet.join("web1", invited.out.trim());
    assert_eq!(joined.code, 0, "{joined:?}");
    other.await_connection("db1", 1);
    assert_eq!(other.run(&["call", "db1", "test.ping"]).code, 0);
}
