//! To whom a job goes, when, and again.

use std::fs;

use machine::failpoint::Point;
use rig::{Fleet, Terminal, interrupt, modules_dir};
use serde_json::{Value, json};

use crate::gate::Gated;

fn job(fleet: &Fleet, arguments: &[&str]) -> String {
    let said = fleet.run(&[&["call", "--nowait"], arguments].concat());
    assert_eq!(said.code, 0, "{said:?}");
    said.out.trim().to_owned()
}

#[test]
fn a_queued_job_is_delivered_when_its_minion_is_back() {
    let mut fleet = Fleet::start(&["web1"]);
    fleet.take_minion("web1").stop();
    fleet.overlord().logged("gone", 1);
    let id = job(&fleet, &["--queue", "1h", "web1", "test.add", "2", "3"]);
    let shown = fleet.run(&["job", "show", &id, "--json"]).json();
    assert_eq!(shown["state"], "running", "{shown}");
    fleet.start_minion("web1");
    let waited = fleet.run(&["job", "wait", &id, "--json"]);
    assert_eq!(waited.json()["results"]["web1"]["value"], 5, "{waited:?}");
}

#[test]
fn a_queued_job_outlives_the_overlord_and_ends_undelivered_when_its_time_is_over() {
    let mut fleet = Fleet::start(&["web1", "web2"]);
    fleet.take_minion("web1").stop();
    fleet.overlord().logged("gone", 1);
    let kept = job(&fleet, &["--queue", "1h", "web1", "test.ping"]);
    let brief = job(&fleet, &["--queue", "100ms", "web1", "test.ping"]);
    let waited = fleet.run(&["job", "wait", &brief, "--json"]);
    assert_eq!(waited.json()["results"]["web1"]["outcome"], "undelivered", "{waited:?}");
    fleet.take_overlord().kill();
    fleet.start_overlord();
    fleet.start_minion("web1");
    let waited = fleet.run(&["job", "wait", &kept, "--json"]);
    assert_eq!(waited.json()["results"]["web1"]["outcome"], "ok", "{waited:?}");
}

#[test]
fn failures_stop_a_batch_and_the_rest_can_be_run_again() {
    let fleet = Fleet::start(&["web1", "web2", "web3"]);
    let call = ["call", "*", "--batch", "1", "--max-failures", "1", "test.fail", "no", "--json"];
    let document = fleet.run(&call).json();
    assert_eq!(document["counts"]["error"], 1, "{document}");
    assert_eq!(document["counts"]["undelivered"], 2, "{document}");
    let id = document["job"].as_str().expect("an id");
    let again = fleet.run(&["job", "rerun", id, "--failed", "--json"]).json();
    assert_eq!(again["targets"], 3);
    assert_ne!(again["job"], document["job"]);

    let fine = fleet.run(&["call", "*", "test.ping", "--json"]).json();
    let refused = fleet.run(&["job", "rerun", fine["job"].as_str().expect("an id"), "--failed"]);
    assert_eq!(refused.code, 2, "{refused:?}");
}

#[test]
fn a_batch_never_has_more_minions_at_once_than_it_says() {
    let fleet = Fleet::start(&["web1", "web2"]);
    let document = fleet.run(&["call", "*", "--batch", "50%", "test.sleep", "300", "--json"]).json();
    assert_eq!(document["counts"]["ok"], 2, "{document}");
    let history = fleet.run(&["job", "history", document["job"].as_str().expect("an id"), "--json"]).json();
    let mut running = 0_i32;
    for step in history["steps"].as_array().expect("steps") {
        match step["minion_state"].as_str() {
            Some("running") => running += 1,
            Some("finished") => running -= 1,
            _ => {}
        }
        assert!(running <= 1, "two at once: {history:#}");
    }
}

#[test]
fn a_batch_moves_on_as_soon_as_one_of_its_minions_is_done() {
    let names = ["web1", "web2", "web3"];
    let gated = Gated::start(&names);
    let id = gated.submit(&["*", "--batch", "2"]);
    let running = |job: &serde_json::Value| -> Vec<&str> {
        names.into_iter().filter(|name| job["results"][name]["state"] == "running").collect()
    };
    gated.fleet.await_job(&id, |job| running(job).len() == 2);
    let shown = gated.fleet.run(&["job", "show", &id, "--json"]).json();
    let first = running(&shown);
    gated.release(first[0]);
    // The third one comes in while the second still runs.
    gated.fleet.await_job(&id, |job| running(job).len() == 2 && !running(job).contains(&first[0]));
    let (left, last) = (first[1], names.into_iter().find(|name| !first.contains(name)).expect("a third"));
    assert_eq!(gated.log(last), ["begun"]);
    gated.release(left);
    gated.release(last);
    assert_eq!(gated.fleet.run(&["job", "wait", &id, "--json"]).json()["counts"]["ok"], 3);
}

#[test]
fn failures_count_as_a_share_of_all_minions() {
    let fleet = Fleet::start(&["web1", "web2", "web3", "web4"]);
    let call = ["call", "*", "--batch", "25%", "--max-failures", "50%", "test.fail", "no", "--json"];
    let document = fleet.run(&call).json();
    assert_eq!(document["counts"], serde_json::json!({ "error": 2, "undelivered": 2 }), "{document}");
}

#[test]
fn a_job_is_cancelled_where_the_target_says_and_goes_on_elsewhere() {
    let fleet = Fleet::start(&["web1", "db1"]);
    let id = job(&fleet, &["*", "test.sleep", "10000"]);
    fleet.await_job(&id, |job| ["web1", "db1"].iter().all(|name| job["results"][name]["state"] == "running"));
    assert_eq!(fleet.run(&["job", "cancel", &id, "--target", "web*"]).code, 0);
    let waited = fleet.run(&["job", "wait", &id, "--json"]).json();
    assert_eq!(waited["results"]["web1"]["outcome"], "cancelled", "{waited}");
    assert_eq!(waited["results"]["db1"]["outcome"], "ok", "{waited}");
}

fn cancel(fleet: &Fleet, id: &str) -> Value {
    let said = fleet.run(&["job", "cancel", id, "--json"]);
    assert_eq!(said.code, 0, "{said:?}");
    said.json()
}

/// A job once it is over, which is soon.
fn over(fleet: &Fleet, id: &str) -> Value {
    fleet.await_job(id, |job| job["state"] == "finished" || job["state"] == "remote-error");
    fleet.run(&["job", "show", id, "--json"]).json()
}

/// That a part ended because it was cancelled, before it started.
fn never_started(job: &Value, minion: &str) {
    let part = &job["results"][minion];
    assert_eq!(part["outcome"], "cancelled", "{job:#}");
    let why = part["error"]["message"].as_str().expect("a reason");
    assert!(why.ends_with("it never started") && part["minion_job"].is_null(), "{job:#}");
}

#[test]
fn a_cancelled_batch_starts_on_no_further_minion() {
    let names = ["web1", "web2", "web3"];
    let gated = Gated::start(&names);
    let id = gated.submit(&["*", "--batch", "1"]);
    let runs = |job: &Value, name: &str| job["results"][name]["state"] == "running";
    gated.fleet.await_job(&id, |job| names.iter().any(|name| runs(job, name)));
    let shown = gated.fleet.run(&["job", "show", &id, "--json"]).json();
    let (first, others): (Vec<&str>, Vec<&str>) = names.into_iter().partition(|name| runs(&shown, name));
    let cancelling = cancel(&gated.fleet, &id);
    assert_eq!(cancelling, json!({ "job": id, "told": first, "never_started": others, "later": [] }));
    // Whoever starts now is quick.
    names.iter().for_each(|name| gated.release(name));
    let waited = over(&gated.fleet, &id);
    for name in others {
        never_started(&waited, name);
        assert_eq!(gated.log(name), [""; 0]);
    }
}

#[test]
fn a_queued_job_that_was_cancelled_does_not_run_when_its_minion_is_back() {
    let mut gated = Gated::start(&["web1"]);
    gated.fleet.take_minion("web1").stop();
    gated.fleet.overlord().logged("gone", 1);
    let id = gated.submit(&["--queue", "1h", "web1"]);
    assert_eq!(cancel(&gated.fleet, &id)["never_started"], json!(["web1"]));
    // It is over at once, and not when its minion is back.
    never_started(&over(&gated.fleet, &id), "web1");
    gated.release("web1");
    gated.start_again("web1");
    let next = gated.submit(&["web1"]);
    assert_eq!(gated.fleet.run(&["job", "wait", &next]).code, 0);
    assert_eq!(gated.log("web1").len(), 1, "the cancelled one has run too");
}

#[test]
fn those_that_do_not_answer_delay_a_cancel_for_nobody_and_are_told_when_they_do() {
    let fleet = Fleet::start(&["web1", "web2", "web3"]);
    let runs = job(&fleet, &["*", "test.sleep", "600000"]);
    let names = ["web1", "web2", "web3"];
    fleet.await_job(&runs, |job| names.iter().all(|name| job["results"][name]["state"] == "running"));
    let silent = ["web1", "web2"].map(|name| fleet.minion(name));
    silent.iter().for_each(|minion| minion.pause());
    // On its way to minions that cannot say whether it has come.
    let sent = job(&fleet, &["web1,web2", "test.sleep", "600000"]);
    let cancelling = cancel(&fleet, &runs);
    assert_eq!((&cancelling["told"], &cancelling["later"]), (&json!(["web3"]), &json!(["web1", "web2"])));
    // They are given up, and there is nobody to be told any more.
    fleet.overlord().logged("gone", 2);
    assert_eq!(cancel(&fleet, &sent)["later"], json!(["web1", "web2"]));
    silent.iter().for_each(|minion| minion.resume());
    for id in [runs, sent] {
        let waited = over(&fleet, &id);
        assert_eq!(waited["counts"], json!({ "cancelled": waited["targets"] }), "{waited:#}");
    }
}

#[test]
fn a_cancel_outlives_the_overlord() {
    let mut fleet = Fleet::start(&["web1", "web2"]);
    fleet.take_minion("web2").stop();
    fleet.overlord().logged("gone", 1);
    let id = job(&fleet, &["--queue", "1h", "*", "test.sleep", "600000"]);
    fleet.await_job(&id, |job| job["results"]["web1"]["state"] == "running");
    fleet.failpoints("overlord").arm(Point::CancelAfter);
    // It is killed before it answers, and before it has told anyone.
    let said = fleet.run(&["job", "cancel", &id]);
    assert_eq!(said.code, 4, "{said:?}");
    fleet.take_overlord().await_kill();
    fleet.failpoints("overlord").disarm();
    fleet.start_overlord();
    fleet.start_minion("web2");
    let waited = over(&fleet, &id);
    assert_eq!(waited["results"]["web1"]["outcome"], "cancelled", "{waited:#}");
    never_started(&waited, "web2");
}

#[test]
fn an_overlord_that_dies_before_it_has_noted_a_cancel_leaves_the_job_alone() {
    let mut fleet = Fleet::start(&["web1"]);
    let id = job(&fleet, &["web1", "test.sleep", "600000"]);
    fleet.await_job(&id, |job| job["results"]["web1"]["state"] == "running");
    fleet.failpoints("overlord").arm(Point::CancelBefore);
    assert_eq!(fleet.run(&["job", "cancel", &id]).code, 4);
    fleet.take_overlord().await_kill();
    fleet.failpoints("overlord").disarm();
    fleet.start_overlord();
    fleet.await_connection("web1", 1);
    assert_eq!(cancel(&fleet, &id)["told"], json!(["web1"]));
}

/// Minions that are too many to be called without a question.
fn many(names: &[&str]) -> Fleet {
    let mut fleet = Fleet::start(names);
    fleet.take_overlord().stop();
    let path = fleet.overlord_dir().join("overlord.toml");
    let config = fs::read_to_string(&path).expect("read");
    fs::write(&path, format!("{config}\nconfirm-above = 1\n")).expect("written");
    fleet.start_overlord();
    names.iter().for_each(|name| fleet.await_connection(name, 1));
    fleet
}

#[test]
fn running_a_wide_job_again_wants_to_be_confirmed_as_the_call_was() {
    let fleet = many(&["web1", "web2"]);
    let first = fleet.run(&["call", "*", "test.ping", "--yes", "--json"]).json();
    let id = first["job"].as_str().expect("an id");
    let refused = fleet.run(&["job", "rerun", id]);
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(refused.err.contains("goes to 2 minions") && refused.err.contains("--yes"), "{refused:?}");
    let again = fleet.run(&["job", "rerun", id, "--yes", "--json"]);
    assert_eq!((again.code, &again.json()["counts"]), (0, &json!({ "ok": 2 })), "{again:?}");
}

#[test]
fn ctrl_c_at_a_question_is_a_no() {
    let fleet = many(&["web1", "web2"]);
    let first = fleet.run(&["call", "*", "test.ping", "--yes", "--json"]).json();
    let id = first["job"].as_str().expect("an id");
    let module = modules_dir().join("test.wasm");
    for (command, nothing) in [
        (&["call", "*", "test.ping"][..], "nothing was called"),
        (&["job", "rerun", id], "nothing was run again"),
        (&["module", "push", "*", module.to_str().expect("text")], "nothing was changed"),
    ] {
        let mut terminal = Terminal::start({
            let mut asked = fleet.overlord_command();
            asked.args(command);
            asked
        });
        terminal.asks();
        interrupt(terminal.child());
        let said = terminal.ended();
        assert_eq!(said.code, 130, "{command:?}: {said:?}");
        assert!(said.err.contains(nothing), "{command:?}: {said:?}");
    }
    assert_eq!(fleet.run(&["job", "list", "--json"]).json()["jobs"].as_array().map(Vec::len), Some(1));
}

#[test]
fn a_job_that_was_queued_is_queued_again() {
    let mut fleet = Fleet::start(&["web1"]);
    fleet.take_minion("web1").stop();
    fleet.overlord().logged("gone", 1);
    let id = job(&fleet, &["--queue", "1h", "web1", "test.ping"]);
    cancel(&fleet, &id);
    let again = fleet.run(&["job", "rerun", &id, "--nowait"]);
    let again = again.out.trim();
    fleet.start_minion("web1");
    let waited = fleet.run(&["job", "wait", again, "--json"]);
    assert_eq!(waited.json()["results"]["web1"]["outcome"], "ok", "{waited:?}");
}

#[test]
fn a_purge_forgets_what_is_over_and_nothing_else() {
    let fleet = Fleet::start(&["web1"]);
    let live = job(&fleet, &["web1", "test.sleep", "600000"]);
    let over = job(&fleet, &["web1", "test.ping"]);
    fleet.run(&["job", "wait", &over]);
    let purged = fleet.run(&["job", "purge", "--older-than", "0s", "--json"]);
    assert_eq!(purged.json()["purged_count"], 1, "{purged:?}");
    assert_eq!(fleet.run(&["job", "show", &over]).code, 2);
    assert_eq!(fleet.run(&["job", "show", &live]).code, 0);
    fleet.run(&["job", "cancel", &live]);
}

#[test]
fn many_callers_at_once_all_find_their_jobs_finished() {
    let fleet = Fleet::start(&["web1", "web2"]);
    let callers: Vec<_> = (0..20).map(|_| fleet.spawn(&["call", "*", "test.ping", "--nowait"])).collect();
    let mut ids: Vec<String> = Vec::new();
    for caller in callers {
        let output = caller.wait_with_output().expect("ends");
        assert!(output.status.success(), "{output:?}");
        ids.push(String::from_utf8_lossy(&output.stdout).trim().to_owned());
    }
    for id in ids {
        assert_eq!(fleet.run(&["job", "wait", &id, "--json"]).json()["counts"]["ok"], 2);
    }
}
