//! Several terminals that look at one job, and leave it, at any time.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Output};
use std::time::Duration;

use rig::{Fleet, interrupt};
use serde_json::{Value, json};

use crate::gate::Gated;

const WAIT: [&str; 3] = ["job", "wait", "--jsonl"];
const FOLLOW: [&str; 4] = ["job", "show", "--follow", "--jsonl"];

fn runs_on(names: &[&str]) -> impl Fn(&Value) -> bool {
    move |job| names.iter().all(|name| job["results"][name]["state"] == "running")
}

/// That a follower was told of web1 and web2 once each, and then that the job is over.
fn heard_all_once(follower: Child) {
    let output = follower.wait_with_output().expect("ends");
    assert!(output.status.success(), "{output:?}");
    let mut lines: Vec<Value> =
        output.stdout.split(|byte| *byte == b'\n').flat_map(serde_json::from_slice).collect();
    let summary = lines.pop().expect("a summary");
    assert_eq!(summary["summary"]["counts"], json!({ "ok": 2 }), "{output:?}");
    let mut minions: Vec<&str> = lines.iter().filter_map(|line| line["minion"].as_str()).collect();
    minions.sort_unstable();
    assert_eq!(minions, ["web1", "web2"], "{output:?}");
}

#[test]
fn everyone_who_follows_a_job_hears_each_outcome_once_whenever_they_come() {
    let gated = Gated::start(&["web1", "web2"]);
    let fleet = &gated.fleet;
    let id = gated.submit(&["*"]);
    let attach = |how: &[&str]| fleet.spawn(&[how, &[&id]].concat());
    let mut followers = vec![attach(&WAIT), attach(&FOLLOW)];
    fleet.await_job(&id, runs_on(&["web1", "web2"]));
    followers.extend([attach(&WAIT), attach(&FOLLOW)]);
    gated.release("web1");
    fleet.await_job(&id, |job| job["results"]["web1"]["outcome"] == "ok");
    followers.extend([attach(&WAIT), attach(&FOLLOW)]);
    gated.release("web2");
    fleet.await_job(&id, |job| job["state"] == "finished");
    followers.extend([attach(&WAIT), attach(&FOLLOW)]);
    followers.into_iter().for_each(heard_all_once);
}

#[test]
fn a_follower_is_told_when_the_overlord_dies_and_hears_all_when_it_comes_back() {
    let mut gated = Gated::start(&["web1", "web2"]);
    let id = gated.submit(&["*"]);
    gated.fleet.await_job(&id, runs_on(&["web1", "web2"]));
    gated.release("web1");
    gated.fleet.await_job(&id, |job| job["results"]["web1"]["outcome"] == "ok");
    let mut cut_off = gated.fleet.spawn(&["job", "show", "--follow", "--jsonl", &id]);
    let mut line = String::new();
    let mut stdout = BufReader::new(cut_off.stdout.take().expect("piped"));
    stdout.read_line(&mut line).expect("reads");
    assert!(line.contains("\"web1\""), "what is known comes first: {line}");
    gated.fleet.take_overlord().stop();
    let output = cut_off.wait_with_output().expect("ends");
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(4), "{told}");
    assert!(told.contains(&format!("overlord job wait {id}")), "{told}");

    gated.fleet.start_overlord();
    let attach = |how: &[&str]| gated.fleet.spawn(&[how, &[&id]].concat());
    let followers = [attach(&WAIT), attach(&FOLLOW)];
    gated.release("web2");
    followers.into_iter().for_each(heard_all_once);
}

#[test]
fn following_shows_partial_results_as_they_come_and_a_row_for_each_outcome() {
    let gated = Gated::start(&["web1", "web2"]);
    let calls = ["call", "*", "--async", "files.append-and-await", "/data/log", "begun", "/data/go"];
    gated.release("web1");
    gated.release("web2");
    let called = gated.fleet.run(&calls);
    // What both say at once is said once.
    let (each, both) = (["web1: waiting", "web2: waiting"], "2 minions (web[1-2]): waiting");
    let said = |line: &str| called.err.lines().filter(|said| *said == line).count();
    let times = (each.map(said), said(both));
    assert!(matches!(times, ([1, 1], 0) | ([0, 0], 1)), "{called:?}");
    gated.shut("web1");
    let id = gated.submit(&["*"]);
    gated.fleet.await_job(&id, |job| job["results"]["web2"]["outcome"] == "ok");
    let mut follower = gated.fleet.spawn(&["job", "show", "--follow", &id]);
    let mut lines = BufReader::new(follower.stdout.take().expect("piped")).lines().map_while(Result::ok);
    let known: Vec<String> = lines.by_ref().take_while(|line| !line.starts_with("web2")).collect();
    assert!(known.iter().any(|line| line.contains("state     partial")), "{known:?}");
    gated.release("web1");
    let rest: Vec<String> = lines.collect();
    assert_eq!(rest.len(), 1, "{rest:?}");
    assert!(rest[0].starts_with("web1  ok"), "{rest:?}");
    assert!(follower.wait().expect("ends").success());
}

/// The next line of stderr with this text.
fn line_with(stderr: &mut impl Iterator<Item = std::io::Result<String>>, text: &str) -> String {
    let mut said = Vec::new();
    for line in stderr.map_while(Result::ok) {
        if line.contains(text) {
            return line;
        }
        said.push(line);
    }
    panic!("never said \"{text}\" but {said:?}")
}

/// A command that waits for a job which runs on web1 until it is cancelled, what it says, and the job's id.
fn waiting_call(fleet: &Fleet) -> (Child, impl Iterator<Item = std::io::Result<String>>, String) {
    let mut call = fleet.spawn(&["call", "web1", "test.sleep", "600000", "--async"]);
    let mut stderr = BufReader::new(call.stderr.take().expect("piped")).lines();
    let id = line_with(&mut stderr, "job ").trim_start_matches("job ").to_owned();
    fleet.await_job(&id, runs_on(&["web1"]));
    (call, stderr, id)
}

/// Presses Ctrl-C like someone who does so until it works.
fn press_until_it_ends(call: &mut Child) {
    while call.try_wait().expect("asked").is_none() {
        interrupt(call);
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn ctrl_c_leaves_the_job_alone_and_says_how_to_come_back() {
    let fleet = Fleet::start(&["web1"]);
    let (mut call, mut stderr, id) = waiting_call(&fleet);
    interrupt(&call);
    let told = line_with(&mut stderr, "come back with");
    let (_, command) = told.split_once("overlord ").expect("a command");
    assert_eq!(call.wait().expect("ends").code(), Some(130));
    assert_eq!(fleet.run(&["job", "show", &id, "--json"]).json()["state"], "partial");

    let arguments: Vec<&str> = command.split(' ').chain(["--json"]).collect();
    let back = fleet.spawn(&arguments);
    assert_eq!(fleet.run(&["job", "cancel", &id]).code, 0);
    let output: Output = back.wait_with_output().expect("ends");
    let document: Value = serde_json::from_slice(&output.stdout).expect("a document");
    assert_eq!(document["results"]["web1"]["outcome"], "cancelled", "{document}");
}

#[test]
fn ctrl_c_pressed_twice_cancels_the_job() {
    let fleet = Fleet::start(&["web1"]);
    let (mut call, mut stderr, id) = waiting_call(&fleet);
    interrupt(&call);
    line_with(&mut stderr, "press Ctrl-C again");
    interrupt(&call);
    line_with(&mut stderr, "cancelled: 1 minion told to stop");
    assert_eq!(call.wait().expect("ended").code(), Some(130));
    let waited = fleet.run(&["job", "wait", &id, "--json"]).json();
    assert_eq!(waited["results"]["web1"]["outcome"], "cancelled", "{waited}");
}

#[test]
fn ctrl_c_pressed_once_more_leaves_a_cancel_that_a_minion_does_not_answer() {
    let fleet = Fleet::start(&["web1"]);
    let (mut call, mut stderr, id) = waiting_call(&fleet);
    fleet.minion("web1").pause();
    interrupt(&call);
    line_with(&mut stderr, "press Ctrl-C again");
    press_until_it_ends(&mut call);
    line_with(&mut stderr, "left while minions are told");
    assert_eq!(call.wait().expect("ended").code(), Some(130));
    fleet.minion("web1").resume();
    fleet.await_job(&id, |job| job["results"]["web1"]["outcome"] == "cancelled");
}
