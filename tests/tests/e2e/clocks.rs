//! Wall clocks that are set, and jobs that outlast everything else.

use std::fs;

use rig::{Fleet, check_history};
use serde_json::Value;

const HOUR_MS: i64 = 3_600_000;

fn submit(fleet: &Fleet, arguments: &[&str]) -> String {
    let said = fleet.run(&[&["call", "--nowait"], arguments].concat());
    assert_eq!(said.code, 0, "{said:?}");
    said.out.trim().to_owned()
}

fn wait(fleet: &Fleet, id: &str) -> Value {
    let waited = fleet.run(&["job", "wait", id, "--json"]);
    assert!(matches!(waited.code, 0 | 1), "{waited:?}");
    waited.json()
}

/// Appends to the overlord's configuration and starts the overlord again.
fn restart_with(fleet: &mut Fleet, line: &str) {
    let path = fleet.overlord_dir().join("overlord.toml");
    let text = fs::read_to_string(&path).expect("reads");
    fs::write(&path, format!("{text}\n{line}\n")).expect("written");
    fleet.take_overlord().stop();
    fleet.start_overlord();
    fleet.await_connection("web1", 1);
}

#[test]
fn a_clock_set_back_changes_no_order_of_jobs_or_steps() {
    let mut fleet = Fleet::start(&["web1"]);
    let mut ids = vec![submit(&fleet, &["web1", "test.ping"])];
    wait(&fleet, &ids[0]);
    ids.push(submit(&fleet, &["web1", "test.sleep", "600000"]));
    fleet.await_begun(&ids[1], "web1");
    fleet.failpoints("overlord").set_clock(-HOUR_MS / 2);
    ids.push(submit(&fleet, &["web1", "test.ping"]));
    fleet.failpoints("web1").set_clock(-HOUR_MS * 3 / 4);
    fleet.run(&["job", "cancel", &ids[1]]);
    ids.push(submit(&fleet, &["web1", "test.ping"]));
    // A life that knows of the clock's better days only by its ledger.
    fleet.take_overlord().kill();
    fleet.start_overlord();
    fleet.await_connection("web1", 1);
    ids.push(submit(&fleet, &["web1", "test.ping"]));

    for id in &ids {
        let document = wait(&fleet, id);
        let expected = if *id == ids[1] { "cancelled" } else { "ok" };
        assert_eq!(document["results"]["web1"]["outcome"], expected, "{document:#}");
        let history = fleet.run(&["job", "history", id, "--json"]).json();
        assert_eq!(check_history(&history), Ok(()));
    }
    let list = fleet.run(&["job", "list", "--json"]).json();
    let listed = list["jobs"].as_array().expect("jobs").iter().map(|job| job["job"].as_str().expect("an id"));
    assert_eq!(listed.collect::<Vec<_>>(), ids.iter().rev().collect::<Vec<_>>(), "not newest first");
}

#[test]
fn a_clock_set_back_makes_retention_purge_no_job_too_early() {
    let mut fleet = Fleet::start(&["web1"]);
    let before = submit(&fleet, &["web1", "test.ping"]);
    wait(&fleet, &before);
    let live = submit(&fleet, &["web1", "test.sleep", "600000"]);
    fleet.await_begun(&live, "web1");
    fleet.failpoints("overlord").set_clock(-HOUR_MS);
    let after = submit(&fleet, &["web1", "test.ping"]);
    wait(&fleet, &after);
    // Retention is applied at the start.
    restart_with(&mut fleet, "[retention]\nage = \"10min\"");
    for id in [&before, &live, &after] {
        assert_eq!(fleet.run(&["job", "show", id]).code, 0, "{id} is gone");
    }
    fleet.failpoints("overlord").set_clock(-HOUR_MS / 2);
    restart_with(&mut fleet, "");
    fleet.await_gone(&after);
    for id in [&before, &live] {
        assert_eq!(fleet.run(&["job", "show", id]).code, 0, "{id} is gone");
    }
    fleet.run(&["job", "cancel", &live]);
    assert_eq!(wait(&fleet, &live)["results"]["web1"]["outcome"], "cancelled");
}

#[test]
fn a_timeout_knows_nothing_of_the_wall_clock() {
    let fleet = Fleet::start(&["web1"]);
    let set_clocks = |offset| ["overlord", "web1"].map(|name| fleet.failpoints(name).set_clock(offset));
    for offset in [-HOUR_MS, HOUR_MS] {
        set_clocks(0);
        let brief = submit(&fleet, &["web1", "test.sleep", "600000", "--timeout", "2s"]);
        let long = submit(&fleet, &["web1", "test.sleep", "2000", "--timeout", "30min"]);
        let queued = submit(&fleet, &["web1", "test.sleep", "2000", "--queue", "30min"]);
        for id in [&brief, &long, &queued] {
            fleet.await_begun(id, "web1");
        }
        set_clocks(offset);
        for (id, expected) in [(&brief, "timed-out"), (&long, "ok"), (&queued, "ok")] {
            assert_eq!(wait(&fleet, id)["results"]["web1"]["outcome"], expected, "with {offset} ms");
        }
    }
}

#[test]
fn a_job_that_outlasts_idle_timeout_and_retention_finishes_and_goes_after_its_end() {
    let mut fleet = Fleet::without_minions();
    for name in ["cli", "web1", "overlord"] {
        fleet.failpoints(name).set_idle(10_000);
    }
    fleet.enrol("web1");
    fs::write(fleet.minion_dir("web1").join("minion.toml"), "[retention]\nage = \"1s\"\n").expect("written");
    fleet.start_minion("web1");
    restart_with(&mut fleet, "[retention]\nage = \"1s\"");
    let id = submit(&fleet, &["web1", "test.sleep", "22000"]);
    let document = wait(&fleet, &id);
    assert_eq!(document["results"]["web1"]["outcome"], "ok", "{document:#}");
    fleet.await_gone(&id);
    assert_eq!(fleet.overlord().count("gone minion="), 0, "a silent job cost the connection");
}
