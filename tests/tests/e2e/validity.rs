//! Certificates whose time is not now, by somebody's clock.

use rig::Fleet;

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

#[test]
fn a_clock_that_is_slow_is_named_with_both_times() {
    let mut fleet = Fleet::without_minions();
    fleet.enrol("web1");
    let token = fleet.run(&["minion", "invite", "web2"]);
    for name in ["web1", "web2", "cli"] {
        fleet.failpoints(name).set_clock(-2 * HOUR_MS);
    }
    let cause = "is not valid yet: it begins at 20";
    let joined = fleet.join("web2", token.out.trim());
    assert_eq!(joined.code, 1, "{joined:?}");
    assert!(joined.err.contains(cause) && joined.err.contains("this host's clock says 20"), "{joined:?}");
    let status = fleet.run(&["status"]);
    assert_eq!(status.code, 4, "{status:?}");
    assert!(status.err.contains(cause) && status.err.contains("this host's clock says 20"), "{status:?}");
    fleet.start_minion("web1");
    fleet.minion("web1").logged(cause, 1);
    // It is linked without a restart once its clock is right, and so is the newcomer, with the same token.
    fleet.failpoints("web1").set_clock(0);
    fleet.await_connection("web1", 1);
    fleet.failpoints("web2").set_clock(0);
    let joined = fleet.join("web2", token.out.trim());
    assert_eq!(joined.code, 0, "{joined:?}");
}

#[test]
fn a_certificate_that_has_ended_is_named_where_its_minion_is_looked_for() {
    let mut fleet = Fleet::start(&["web1"]);
    fleet.take_minion("web1").stop();
    fleet.failpoints("overlord").set_clock(40 * DAY_MS);
    fleet.start_minion("web1");
    fleet.minion("web1").logged("by the overlord's clock it is not the time of its certificate", 1);
    let line = fleet.overlord().logged("the certificate of minion", 1);
    assert!(line.contains("web1") && line.contains("has ended: it was valid until 20"), "{line}");
    let list = fleet.run(&["minion", "list"]);
    assert!(list.out.contains("web1: its certificate has ended"), "{list:?}");
    let listed = fleet.run(&["minion", "list", "--json"]).json()["minions"][0].clone();
    assert_eq!(listed["troubles"][0]["kind"], "certificate", "{listed:#}");
    fleet.failpoints("web1").set_clock(40 * DAY_MS);
    fleet.minion("web1").logged("its certificate has ended: it was valid until 20", 1);
    // An operator's, far from the overlord's folder, is told of its own.
    fleet.failpoints("overlord").set_clock(400 * DAY_MS);
    let status = fleet.run(&["status"]);
    assert_eq!(status.code, 4, "{status:?}");
    assert!(status.err.contains("it is not the time of this operator's certificate"), "{status:?}");
}
