//! Jobs that outlive their command line: states, history, waiting, detaching.

use rig::{Fleet, Terminal};
use serde_json::{Value, json};

fn submit(fleet: &Fleet, arguments: &[&str]) -> String {
    let said = fleet.run(&[&["call", "--nowait"], arguments].concat());
    assert_eq!(said.code, 0, "{said:?}");
    let id = said.out.trim().to_owned();
    assert_eq!(id.len(), 26, "not a job id alone: {said:?}");
    id
}

#[test]
fn a_job_is_shown_at_once_and_finishes_by_itself() {
    let fleet = Fleet::start(&["web1", "web2"]);
    let id = submit(&fleet, &["*", "test.sleep", "5000"]);
    let shown = fleet.run(&["job", "show", &id, "--json"]).json();
    assert!(matches!(shown["state"].as_str(), Some("running" | "partial")), "{shown}");
    assert_eq!(shown["results"]["web1"]["outcome"], Value::Null);
    let waited = fleet.run(&["job", "wait", &id, "--json"]);
    assert_eq!(waited.code, 0, "{waited:?}");
    let shown = fleet.run(&["job", "show", &id[..20], "--json"]).json();
    assert_eq!((shown["state"].as_str(), shown["code"].as_u64()), (Some("finished"), Some(1)));
    assert_eq!(waited.json(), shown);
}

#[test]
fn the_history_has_the_six_steps_of_two_minions_that_end_apart() {
    let fleet = Fleet::start(&["web1", "web2"]);
    // The one is held until the overlord has the other's outcome, so their ends cannot swap.
    let id = submit(&fleet, &["*", "test.sleep", "10000"]);
    fleet
        .await_job(&id, |job| ["web1", "web2"].iter().all(|name| job["results"][name]["state"] == "running"));
    fleet.minion("web2").pause();
    fleet.await_job(&id, |job| job["results"]["web1"]["outcome"] == "ok");
    fleet.minion("web2").resume();
    let waited = fleet.run(&["job", "wait", &id]);
    assert_eq!(waited.code, 0, "{waited:?}");

    let history = fleet.run(&["job", "history", &id, "--json"]).json();
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let mut row = ["-".to_owned(), "-".to_owned(), "-".to_owned()];
    let mut rows = Vec::new();
    for step in history["steps"].as_array().expect("steps") {
        row[0] = text(&step["state"]);
        match step["minion"].as_str() {
            Some("web1") => row[1] = text(&step["minion_state"]),
            Some(_) => row[2] = text(&step["minion_state"]),
            None => {}
        }
        rows.push(row.join(" "));
    }
    // Which of the two started first is theirs to decide.
    assert!(matches!(rows[1].as_str(), "running running -" | "running - running"), "{rows:?}");
    rows.remove(1);
    assert_eq!(
        rows,
        [
            "running - -",
            "partial running running",
            "partial finished running",
            "partial finished finished",
            "finished finished finished",
        ]
    );
    let table = fleet.run(&["job", "history", &id]).out;
    for word in ["OVERLORD", "WEB1", "WEB2"] {
        assert!(table.contains(word), "{table}");
    }
    for step in 1..=6 {
        assert!(table.contains(&format!("step {step}")), "{table}");
    }
}

#[test]
fn an_async_call_prints_its_id_and_its_outcomes() {
    let fleet = Fleet::start(&["web1"]);
    let said = fleet.run(&["call", "web1", "test.add", "2", "3", "--async", "--json"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(said.json()["results"]["web1"]["value"], 5);
    let id = said.json()["job"].as_str().expect("an id").to_owned();
    assert!(said.err.contains(&id), "the id is not told ahead of the end: {said:?}");
}

#[test]
fn a_finished_job_needs_no_minion_any_more() {
    let mut fleet = Fleet::start(&["web1", "web2"]);
    let before = fleet.run(&["call", "*", "test.concat", "a", "b", "--json"]).json();
    fleet.take_minion("web1").kill();
    fleet.take_minion("web2").kill();
    let id = before["job"].as_str().expect("an id");
    assert_eq!(fleet.run(&["job", "show", id, "--json"]).json(), before);
}

#[test]
fn a_minion_that_is_not_there_is_undelivered_at_once() {
    let mut fleet = Fleet::start(&["web1", "web2"]);
    fleet.take_minion("web2").stop();
    fleet.overlord().logged("gone", 1);
    let said = fleet.run(&["call", "*", "test.ping", "--json"]);
    assert_eq!(said.code, 1, "{said:?}");
    let document = said.json();
    assert_eq!(document["results"]["web1"]["outcome"], "ok");
    assert_eq!(document["results"]["web2"]["outcome"], "undelivered");
    assert_eq!(document["counts"]["undelivered"], 1);
}

#[test]
fn a_job_without_a_single_ok_is_a_remote_error() {
    let fleet = Fleet::start(&["web1"]);
    let document = fleet.run(&["call", "*", "test.fail", "no", "--json"]).json();
    assert_eq!((document["state"].as_str(), document["code"].as_u64()), (Some("remote-error"), Some(4)));
}

#[test]
fn a_cancelled_job_says_so_and_ends() {
    let fleet = Fleet::start(&["web1"]);
    let id = submit(&fleet, &["web1", "test.sleep", "600000"]);
    fleet.await_job(&id, |job| job["results"]["web1"]["state"] == "running");
    let cancelled = fleet.run(&["job", "cancel", &id]);
    assert_eq!(cancelled.code, 0, "{cancelled:?}");
    let waited = fleet.run(&["job", "wait", &id, "--json"]);
    assert_eq!(waited.json()["results"]["web1"]["outcome"], "cancelled", "{waited:?}");
}

#[test]
fn jobs_are_listed_by_what_was_called_by_whom_where_when_and_how_it_went() {
    let fleet = Fleet::start(&["web1", "web2"]);
    let ids: Vec<String> = [
        &["web1", "test.ping"][..],
        &["web2", "test.fail", "no"],
        &["*", "test.add", "2", "3"],
        &["web2", "test.sleep", "600000"],
    ]
    .map(|call| submit(&fleet, call))
    .into();
    for id in &ids[..3] {
        fleet.run(&["job", "wait", id]);
    }
    fleet.await_job(&ids[3], |job| job["results"]["web2"]["state"] == "running");
    let listed = |filter: &[&str]| -> Vec<usize> {
        let said = fleet.run(&[&["job", "list", "--json"], filter].concat());
        assert_eq!(said.code, 0, "{said:?}");
        let document = said.json();
        let jobs = document["jobs"].as_array().expect("jobs").iter();
        jobs.map(|job| ids.iter().position(|id| job["job"] == id.as_str()).expect("one of them")).collect()
    };
    assert_eq!(listed(&[]), [3, 2, 1, 0]);
    assert_eq!(listed(&["--target", "web1"]), [2, 0]);
    assert_eq!(listed(&["--method", "test.add"]), [2]);
    assert_eq!(listed(&["--module", "test", "--target", "web2", "--limit", "2"]), [3, 2]);
    assert_eq!(listed(&["--module", "service"]), [0_usize; 0]);
    assert_eq!(listed(&["--state", "remote-error"]), [1]);
    assert_eq!(listed(&["--state", "partial", "--target", "web1"]), [0_usize; 0]);
    assert_eq!(listed(&["--failed"]), [1]);
    assert_eq!(listed(&["--outcome", "ok"]), [2, 0]);
    assert_eq!(listed(&["--outcome", "error", "--outcome", "ok"]), [2, 1, 0]);
    assert_eq!(listed(&["--operator", "nobody"]), [0_usize; 0]);
    let mine = fleet.run(&["job", "list", "--json"]).json()["jobs"][0]["operator"].clone();
    assert_eq!(listed(&["--operator", mine.as_str().expect("a name")]), [3, 2, 1, 0]);
    assert_eq!(listed(&["--since", "1h"]), [3, 2, 1, 0]);
    assert_eq!(listed(&["--before", "1h"]), [0_usize; 0]);
    let third =
        fleet.run(&["job", "list", "--json", "--limit", "2"]).json()["jobs"][1]["accepted_at"].clone();
    let third = third.as_str().expect("a time");
    assert_eq!(listed(&["--since", third]), [3, 2]);
    assert_eq!(listed(&["--before", third]), [1, 0]);
    let refused = fleet.run(&["job", "list", "--since", "soon"]);
    assert_eq!(refused.code, 2, "{refused:?}");
    fleet.run(&["job", "cancel", &ids[3]]);
}

#[test]
fn the_record_of_a_job_says_what_was_called_and_how_but_no_secret() {
    let fleet = Fleet::start(&["web1", "web2"]);
    let call = ["--dry-run", "--batch", "1", "--timeout", "5m", "-x", "web2", "web*", "test.add", "2", "3"];
    let id = submit(&fleet, &call);
    fleet.run(&["job", "wait", &id]);
    let shown = fleet.run(&["job", "show", &id, "--json"]).json();
    assert_eq!(shown["arguments"], json!({"a": 2, "b": 3}));
    let expected = json!(["web*", "web2", true, "1", 300_000]);
    let is = |names: [&str; 5]| Value::from(names.map(|name| shown[name].clone()).to_vec());
    assert_eq!(is(["target", "exclude", "dry_run", "batch", "timeout_ms"]), expected);
    assert!(shown["accepted_at"].is_string() && shown["ended_at"].is_string(), "{shown}");
    let listed = fleet.run(&["job", "list", "--json"]).json()["jobs"][0].clone();
    for same in ["job", "operator", "target", "exclude", "dry_run", "accepted_at", "ended_at", "counts"] {
        assert_eq!(listed[same], shown[same], "{same}");
    }
    let text = fleet.run(&["job", "show", &id]).out;
    for line in [
        "arguments {\"a\":2,\"b\":3}",
        "options   dry run, durable, timeout 5m, batch 1",
        "target    web* without web2",
    ] {
        assert!(text.contains(line), "{text}");
    }
    let text = fleet.run(&["job", "list"]).out;
    assert!(text.contains("test.add (dry run)") && text.contains("1 ok"), "{text}");

    let id = submit(&fleet, &["web1", "test.echo-list", r#"["db-password", "hunter2"]"#]);
    fleet.run(&["job", "wait", &id]);
    let shown = fleet.run(&["job", "show", &id, "--json"]).json();
    assert_eq!(shown["arguments"], json!({"value": ["db-password", "(secret)"]}));
    let text = fleet.run(&["job", "show", &id]).out;
    let arguments = text.lines().find(|line| line.starts_with("arguments")).expect("arguments");
    assert_eq!(arguments, r#"arguments {"value":["db-password","(secret)"]}"#);
}

#[test]
fn the_result_of_a_job_is_the_bare_value_of_one_minion_or_those_of_all() {
    let fleet = Fleet::start(&["web1", "web2"]);
    let done = |call: &[&str]| {
        let id = submit(&fleet, call);
        fleet.run(&["job", "wait", &id]);
        id
    };
    let text = fleet.run(&["job", "result", &done(&["web1", "test.concat", "a\tb", "c"])]);
    assert_eq!((text.code, text.out.as_str(), text.err.as_str()), (0, "a\tbc\n", ""), "{text:?}");
    let failed = fleet.run(&["job", "result", &done(&["web1", "test.fail", "no such unit"])]);
    assert_eq!((failed.code, failed.out.as_str()), (1, ""), "{failed:?}");
    assert!(failed.err.contains("web1: error: ") && failed.err.contains("no such unit"), "{failed:?}");
    let both = done(&["*", "test.add", "2", "3"]);
    let table = fleet.run(&["job", "result", &both]).out;
    assert!(["web1", "web2"].iter().all(|name| table.contains(name)), "{table}");
    let document = fleet.run(&["job", "result", &both, "--json"]).json();
    assert_eq!(document, fleet.run(&["job", "show", &both, "--json"]).json()["results"]);

    let open = submit(&fleet, &["web1", "test.sleep", "600000"]);
    let early = fleet.run(&["job", "result", &open]);
    assert_eq!((early.code, early.out.as_str()), (1, ""), "{early:?}");
    assert!(early.err.contains(&format!("overlord job wait {open}")), "{early:?}");
    fleet.run(&["job", "cancel", &open]);
}

#[test]
fn an_unknown_job_is_said_to_be_unknown() {
    let fleet = Fleet::without_minions();
    let said = fleet.run(&["job", "show", "01ARZ3NDEKTSV4RRFFQ69G5FAV"]);
    assert_eq!(said.code, 2, "{said:?}");
    assert!(said.err.contains("no such job"), "{said:?}");
}

#[test]
fn a_list_fits_its_terminal_and_is_whole_in_a_pipe() {
    let fleet = Fleet::start(&["web1"]);
    let target = (1..=40).map(|number| format!("web{number}")).collect::<Vec<_>>().join(",");
    let id = submit(&fleet, &[&target, "test.fail", "no", "--ignore-missing"]);
    fleet.run(&["job", "wait", &id]);
    let list = |words: &[&str]| {
        let mut command = fleet.overlord_command();
        command.args(["job", "list"]).args(words);
        command
    };
    for columns in [40, 80] {
        let (shown, _) = Terminal::shown_at(list(&[]), columns);
        assert!(shown.lines().all(|line| line.chars().count() <= columns.into()), "{shown}");
        for whole in [id.as_str(), "remote-error", "test.fail", "web1", "…", "40"] {
            assert!(shown.contains(whole), "no {whole} at {columns}: {shown}");
        }
    }
    let (full, _) = Terminal::shown_at(list(&["--full"]), 40);
    let piped = fleet.run(&["job", "list"]).out;
    for shown in [full, piped] {
        assert!(shown.contains(&target) && !shown.contains('…') && shown.lines().count() == 2, "{shown}");
    }
}
