//! Nobody waits for ever for a minion that is gone, and no job is without a way out.

use ledger::MinionLedger;
use machine::failpoint::Point;
use rig::{Fleet, fixtures_dir, modules_dir};
use serde_json::{Value, json};

/// How soon a connection that died without a word is noticed: on a busy host too, not before a command that was begun after
/// that.
const IDLE_MS: u32 = 4000;

/// Minions whose death is noticed soon, as they would not be otherwise.
fn fleet(names: &[&str]) -> Fleet {
    let mut fleet = Fleet::without_minions();
    for name in names {
        fleet.enrol(name);
        fleet.failpoints(name).set_idle(IDLE_MS);
        fleet.start_minion(name);
    }
    names.iter().for_each(|name| fleet.await_connection(name, 1));
    fleet
}

fn submit(fleet: &Fleet, arguments: &[&str]) -> String {
    let said = fleet.run(&[&["call", "--nowait"], arguments].concat());
    assert_eq!(said.code, 0, "{said:?}");
    said.out.trim().to_owned()
}

fn show(fleet: &Fleet, id: &str) -> Value {
    fleet.run(&["job", "show", id, "--json"]).json()
}

fn start_again(fleet: &mut Fleet, name: &str) {
    let before = fleet.overlord().count(&format!("connected minion={name} "));
    fleet.start_minion(name);
    fleet.await_connection(name, before + 1);
}

#[test]
fn a_command_ends_without_a_minion_that_is_gone_and_its_job_goes_on() {
    let mut fleet = fleet(&["web1", "web2", "web3"]);
    // The overlord takes it for connected.
    fleet.take_minion("web2").kill();
    let called = fleet.run(&["call", "*", "test.ping", "--timeout", "5s", "--patience", "500ms", "--json"]);
    let document = called.json();
    assert_eq!((called.code, &document["counts"]), (1, &json!({ "ok": 2 })), "{called:?}");
    let part = &document["results"]["web2"];
    assert_eq!((&part["outcome"], &part["out_of_touch"]), (&Value::Null, &json!(true)), "{document:#}");
    assert!(part["out_of_touch_at"].as_str().is_some_and(|at| at.ends_with('Z')), "{document:#}");
    let id = document["job"].as_str().expect("an id").to_owned();
    for said in ["waiting for web2: out of touch since", "web2 is out of touch since"] {
        assert!(called.err.contains(said), "{called:?}");
    }
    for way_out in [format!("overlord job wait {id}"), format!("overlord job give-up {id}")] {
        assert!(called.err.contains(&way_out), "{called:?}");
    }

    // Its time is over by now, however the job is waited for.
    let lines = fleet.run(&["job", "wait", &id, "--patience", "500ms", "--jsonl"]);
    assert_eq!(lines.code, 1, "{lines:?}");
    let lines: Vec<Value> =
        lines.out.lines().map(|line| serde_json::from_str(line).expect("a document")).collect();
    let away = lines.iter().find(|line| line["minion"] == "web2").expect("a line");
    assert_eq!((lines.len(), &away["out_of_touch"]), (4, &json!(true)), "{lines:?}");
    assert_eq!(lines[3]["summary"]["counts"], json!({ "ok": 2 }));
    let waited = fleet.run(&["job", "show", &id, "--follow", "--wait", "100ms"]);
    assert_eq!(waited.code, 1, "{waited:?}");
    assert!(waited.out.contains("out of touch") && waited.err.contains("overlord job wait"), "{waited:?}");
    let shown = fleet.run(&["job", "show", &id]);
    assert_eq!(shown.code, 0, "{shown:?}");
    assert!(shown.out.contains("out of touch"), "{shown:?}");

    // It is where it was left, and comes to its end with its minion.
    start_again(&mut fleet, "web2");
    let waited = fleet.run(&["job", "wait", &id, "--json"]);
    assert_eq!((waited.code, &waited.json()["counts"]), (0, &json!({ "ok": 3 })), "{waited:?}");
}

#[test]
fn the_wait_for_whoever_works_is_bounded_only_where_somebody_says_so() {
    let mut fleet = fleet(&["web1", "web2"]);
    let id = submit(&fleet, &["web1,web2", "test.sleep", "3000"]);
    ["web1", "web2"].iter().for_each(|name| fleet.await_begun(&id, name));
    let waited = fleet.run(&["job", "wait", &id, "--wait", "1ms"]);
    assert_eq!(waited.code, 1, "{waited:?}");
    assert!(waited.err.contains("web1, web2 are not done"), "{waited:?}");
    assert!(waited.err.contains(&format!("overlord job cancel {id}")), "{waited:?}");
    // The other one goes on, and is waited for.
    fleet.take_minion("web1").kill();
    let waited = fleet.run(&["job", "wait", &id, "--patience", "0s", "--json"]);
    let document = waited.json();
    assert_eq!((waited.code, &document["results"]["web2"]["outcome"]), (1, &json!("ok")), "{waited:?}");
    assert_eq!(document["results"]["web1"]["out_of_touch"], true, "{waited:?}");
    // Patience begins anew with the overlord, which cannot know who is about to come.
    fleet.take_overlord().kill();
    fleet.start_overlord();
    let waited = fleet.run(&["job", "wait", &id, "--wait", "100ms", "--json"]);
    let part = &waited.json()["results"]["web1"];
    assert_eq!((&part["state"], &part["out_of_touch"]), (&json!("running"), &json!(true)), "{waited:?}");
    start_again(&mut fleet, "web1");
    assert_eq!(
        fleet.run(&["job", "wait", &id, "--json"]).json()["counts"],
        json!({ "interrupted": 1, "ok": 1 })
    );
}

#[test]
fn a_batch_moves_on_past_a_minion_that_is_gone() {
    let names = ["web1", "web2", "web3"];
    let mut fleet = fleet(&names);
    let batch = ["call", "*", "--batch", "1", "--patience", "500ms", "test.ping", "--json"];
    fleet.take_minion("web1").kill();
    let called = fleet.run(&batch);
    let document = called.json();
    assert_eq!((called.code, &document["counts"]), (1, &json!({ "ok": 2 })), "{called:?}");
    let id = document["job"].as_str().expect("an id").to_owned();
    start_again(&mut fleet, "web1");
    // What became of it there is taken all the same.
    assert_eq!(fleet.run(&["job", "wait", &id, "--json"]).json()["counts"], json!({ "ok": 3 }));

    // While it is gone it counts as one that is not ok.
    fleet.take_minion("web1").kill();
    let called = fleet.run(&[&batch[..], &["--max-failures", "1"]].concat());
    let document = called.json();
    // Those whose turn came before its own may be over.
    let ended = |document: &Value, outcome: &str| document["counts"][outcome].as_u64().unwrap_or(0);
    let (ok, undelivered) = (ended(&document, "ok"), ended(&document, "undelivered"));
    assert_eq!((called.code, ok + undelivered), (1, 2), "{called:?}");
    let id = document["job"].as_str().expect("an id").to_owned();
    start_again(&mut fleet, "web1");
    let document = fleet.run(&["job", "wait", &id, "--json"]).json();
    let after = (ended(&document, "ok"), ended(&document, "undelivered"));
    assert_eq!(after, (ok + 1, undelivered), "{document:#}");
}

#[test]
fn a_job_on_a_minion_that_is_gone_can_be_given_up_and_what_it_says_later_is_kept() {
    let mut fleet = fleet(&["web1", "web2"]);
    let id = submit(&fleet, &["web1", "--timeout", "1s", "test.sleep", "600000"]);
    fleet.await_begun(&id, "web1");
    // Those in touch are not given up by mistake.
    let refused = fleet.run(&["job", "give-up", &id]);
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(refused.err.contains("web1") && refused.err.contains("overlord job cancel"), "{refused:?}");
    fleet.minion("web1").pause();
    fleet.overlord().logged("gone minion=web1", 1);
    // The minion's own timeout has passed, whatever became of it.
    fleet.await_job(&id, |job| job["results"]["web1"]["overdue"] == true);
    let shown = fleet.run(&["job", "show", &id]);
    assert!(shown.out.contains("its timeout has passed since"), "{shown:?}");
    let cancelled = fleet.run(&["job", "cancel", &id]);
    assert!(cancelled.out.contains("not stopped on 1 minion, out of touch since"), "{cancelled:?}");
    assert!(cancelled.err.contains(&format!("overlord job give-up {id}")), "{cancelled:?}");

    let given_up = fleet.run(&["job", "give-up", &id, "--json"]);
    assert_eq!(given_up.json(), json!({ "job": id, "lost": ["web1"], "never_sent": [] }), "{given_up:?}");
    let waited = fleet.run(&["job", "wait", &id, "--json"]);
    let part = &waited.json()["results"]["web1"];
    assert_eq!((waited.code, &part["outcome"]), (1, &json!("lost")), "{waited:?}");
    let operator = part["given_up"]["operator"].as_str().expect("a name").to_owned();
    let why = part["error"]["message"].as_str().expect("a reason");
    assert!(why.contains(&format!("given up by {operator}")), "{waited:?}");
    assert_eq!(part["given_up"]["heard_later"], Value::Null, "{waited:?}");
    let again = fleet.run(&["job", "give-up", &id]);
    assert_eq!(again.code, 2, "{again:?}");

    // An overlord that starts again goes on listening for it, and so does its record.
    fleet.take_overlord().kill();
    fleet.start_overlord();
    fleet.minion("web1").resume();
    fleet.await_job(&id, |job| !job["results"]["web1"]["given_up"]["heard_later"].is_null());
    let part = &show(&fleet, &id)["results"]["web1"];
    let later = &part["given_up"]["heard_later"];
    assert_eq!((&part["outcome"], later["outcome"].is_string()), (&json!("lost"), true), "{part:#}");
    let history = fleet.run(&["job", "history", &id, "--json"]).json();
    assert_eq!(history["minions"][0]["name"], "web1", "{history:#}");
    assert_eq!(&history["minions"][0]["given_up"]["heard_later"], later, "{history:#}");
    for command in ["show", "history"] {
        let said = fleet.run(&["job", command, &id]);
        let outcome = later["outcome"].as_str().expect("an outcome");
        assert!(said.out.contains(&format!("given up by {operator} at")), "{said:?}");
        assert!(said.out.contains(outcome), "{said:?}");
    }
    // The minion need not offer it any more.
    fleet.take_minion("web1").stop();
    let ledger = MinionLedger::open(&fleet.minion_dir("web1").join("ledger")).expect("opens");
    assert_eq!(ledger.unacknowledged(10), Ok(Vec::new()));
}

#[test]
fn giving_up_holds_wherever_the_overlord_dies() {
    let mut fleet = fleet(&["web1", "web2"]);
    for (point, is_recorded) in [(Point::GiveUpBefore, false), (Point::GiveUpAfter, true)] {
        let id = submit(&fleet, &["*", "test.sleep", "1000"]);
        fleet.await_begun(&id, "web1");
        fleet.take_minion("web1").kill();
        fleet.failpoints("overlord").arm(point);
        let said = fleet.run(&["job", "give-up", &id, "--target", "web1"]);
        assert_eq!(said.code, 4, "{said:?}");
        fleet.take_overlord().await_kill();
        fleet.failpoints("overlord").disarm();
        fleet.start_overlord();
        let part = &show(&fleet, &id)["results"]["web1"];
        assert_eq!(part["outcome"] == "lost", is_recorded, "{point:?}: {part:#}");
        fleet.start_minion("web1");
        ["web1", "web2"].iter().for_each(|name| fleet.await_connection(name, 1));
        // Its truth, beside that or in its place.
        fleet.await_job(&id, |job| {
            let part = &job["results"]["web1"];
            let truth = if is_recorded { &part["given_up"]["heard_later"] } else { part };
            truth["outcome"] == "interrupted"
        });
        let waited = fleet.run(&["job", "wait", &id, "--json"]).json();
        assert_eq!(waited["results"]["web2"]["outcome"], "ok", "{waited:#}");
    }
}

#[test]
fn what_was_never_sent_is_given_up_as_that() {
    let mut fleet = fleet(&["web1"]);
    fleet.take_minion("web1").stop();
    fleet.overlord().logged("gone", 1);
    let id = submit(&fleet, &["--queue", "1h", "web1", "test.ping"]);
    // It is kept for as long as was said, and whoever says otherwise is obeyed.
    let waited = fleet.run(&["job", "wait", &id, "--patience", "0s", "--json"]);
    let part = &waited.json()["results"]["web1"];
    assert_eq!((waited.code, &part["out_of_touch"]), (1, &json!(true)), "{waited:?}");
    assert!(part["kept_ms"].is_u64() && waited.err.contains("which the call is kept for"), "{waited:?}");
    let given_up = fleet.run(&["job", "give-up", &id, "--json"]);
    assert_eq!(given_up.json()["never_sent"], json!(["web1"]), "{given_up:?}");
    let part = &show(&fleet, &id)["results"]["web1"];
    assert_eq!(part["outcome"], "undelivered", "{part:#}");
    fleet.start_minion("web1");
    fleet.await_connection("web1", 2);
    assert_eq!(fleet.run(&["call", "web1", "test.ping"]).code, 0);
    assert_eq!(show(&fleet, &id)["results"]["web1"]["given_up"]["heard_later"], Value::Null);
}

#[test]
fn a_push_ends_without_a_minion_that_is_gone_and_goes_on_until_it_is_called_off() {
    let mut fleet = Fleet::without_minions();
    let file = modules_dir().join("test.wasm");
    let file = file.to_str().expect("text");
    for name in ["web1", "web2"] {
        fleet.enrol(name);
        fleet.failpoints(name).set_idle(IDLE_MS);
        fleet.start_empty_minion(name);
        fleet.await_connection(name, 1);
    }
    fleet.take_minion("web2").kill();
    let pushed = fleet.run(&["module", "push", "*", file, "--patience", "500ms", "--json"]);
    let document = pushed.json();
    assert_eq!((pushed.code, &document["targets"]), (1, &json!(2)), "{pushed:?}");
    let part = &document["results"]["web2"];
    assert_eq!((&part["result"], &part["out_of_touch"]), (&Value::Null, &json!(true)), "{pushed:?}");
    assert!(pushed.err.contains("waiting for web2: out of touch since"), "{pushed:?}");
    assert!(
        pushed.err.contains("it goes on") && pushed.err.contains("module push --cancel test"),
        "{pushed:?}"
    );
    assert_eq!(fleet.run(&["module", "push", "--cancel", "test"]).code, 0);
    // The whole wait is bounded as well, also for a minion of which nobody knows yet that it is gone.
    fleet.minion("web1").pause();
    let other = fixtures_dir().join("files.wasm");
    let push = ["module", "push", "web1", other.to_str().expect("text"), "--wait", "100ms", "--jsonl"];
    let pushed = fleet.run(&push);
    assert_eq!(pushed.code, 1, "{pushed:?}");
    assert!(pushed.err.contains("the time to wait is over"), "{pushed:?}");
    fleet.minion("web1").resume();
}
