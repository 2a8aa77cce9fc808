//! Daemons that die and come back.

use rig::Fleet;

#[test]
fn a_killed_minion_dials_in_again_by_itself_and_answers() {
    let mut fleet = Fleet::start(&["web1"]);
    fleet.take_minion("web1").kill();
    fleet.start_minion("web1");
    fleet.await_connection("web1", 2);
    let said = fleet.run(&["call", "web1", "test.add", "2", "3", "--json"]);
    assert_eq!(said.json()["results"]["web1"]["value"], 5, "{said:?}");
}

#[test]
fn a_killed_overlord_has_its_jobs_and_its_minions_again() {
    let mut fleet = Fleet::start(&["web1", "web2"]);
    let before = fleet.run(&["call", "*", "test.add", "2", "3", "--json"]).json();
    fleet.take_overlord().kill();
    fleet.start_overlord();
    let id = before["job"].as_str().expect("an id");
    assert_eq!(fleet.run(&["job", "show", id, "--json"]).json(), before);
    fleet.await_connection("web1", 1);
    fleet.await_connection("web2", 1);
    let said = fleet.run(&["call", "*", "test.add", "2", "3", "--json"]);
    assert_eq!(said.json()["counts"]["ok"], 2, "{said:?}");
}

#[test]
fn a_job_goes_on_while_the_overlord_is_dead_and_its_outcome_arrives_afterwards() {
    let mut fleet = Fleet::start(&["web1"]);
    let said = fleet.run(&["call", "web1", "test.sleep", "4000", "--nowait"]);
    let id = said.out.trim().to_owned();
    fleet.await_begun(&id, "web1");
    fleet.take_overlord().kill();
    fleet.start_overlord();
    let waited = fleet.run(&["job", "wait", &id, "--json"]);
    assert_eq!(waited.code, 0, "{waited:?}");
    assert_eq!(waited.json()["results"]["web1"]["outcome"], "ok");
}

#[test]
fn a_job_whose_minion_died_is_interrupted_and_not_run_again() {
    let mut fleet = Fleet::start(&["web1"]);
    let said = fleet.run(&["call", "web1", "test.sleep", "600000", "--nowait"]);
    let id = said.out.trim().to_owned();
    fleet.await_job(&id, |job| job["results"]["web1"]["state"] == "running");
    fleet.take_minion("web1").kill();
    fleet.start_minion("web1");
    let waited = fleet.run(&["job", "wait", &id, "--json"]);
    assert_eq!(waited.code, 1, "{waited:?}");
    assert_eq!(waited.json()["results"]["web1"]["outcome"], "interrupted");
}

#[test]
fn both_sides_stop_in_good_order_when_asked() {
    let mut fleet = Fleet::start(&["web1"]);
    fleet.take_minion("web1").stop();
    fleet.take_overlord().stop();
}
