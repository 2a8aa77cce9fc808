//! Minions with one identity: the folder of one was copied to another host.

use std::fs;
use std::path::Path;
use std::process::Command;

use rig::{Daemon, Fleet, modules_dir, said};

/// Gives `to` a copy of a minion's identity, or of all that it has.
fn copy(fleet: &Fleet, to: &str, parts: &[&str]) {
    let (from, to) = (fleet.minion_dir("web1"), fleet.minion_dir(to));
    fs::create_dir_all(&to).expect("made");
    for part in parts {
        let copied = Command::new("cp").arg("-a").arg(from.join(part)).arg(&to).status().expect("runs");
        assert!(copied.success());
    }
}

const IDENTITY: &[&str] = &["identity", "enrolment.toml"];

fn start(fleet: &Fleet, name: &str) -> Daemon {
    let mut command = fleet.minion_command(name);
    Daemon::start(name, command.arg("serve").arg("--modules").arg(modules_dir()))
}

fn begun(fleet: &Fleet, arguments: &[&str]) -> String {
    let said = fleet.run(&[&["call", "web1", "--nowait"], arguments].concat());
    let id = said.out.trim().to_owned();
    fleet.await_begun(&id, "web1");
    id
}

fn outcome(fleet: &Fleet, id: &str) -> serde_json::Value {
    fleet.run(&["job", "show", id, "--json"]).json()["results"]["web1"]["outcome"].clone()
}

fn audit(dir: &Path) -> String {
    fs::read_to_string(dir.join("audit.jsonl")).expect("an audit log")
}

#[test]
fn a_copy_is_refused_while_the_minion_lives_and_both_ends_say_so() {
    let mut fleet = Fleet::start(&["web1"]);
    let id = begun(&fleet, &["test.sleep", "600000"]);
    copy(&fleet, "copy", IDENTITY);
    let copied = start(&fleet, "copy");
    copied.logged("another one with the same identity is linked", 1);
    fleet.overlord().logged("a second minion with the identity of one that is linked", 1);
    let status = said(fleet.minion_command("copy").arg("status"));
    assert!(status.out.contains("another one with the same identity"), "{status:?}");
    let list = fleet.run(&["minion", "list"]);
    assert!(list.out.contains("web1: a second minion under its name is refused"), "{list:?}");
    let listed = fleet.run(&["minion", "list", "--json"]).json()["minions"][0].clone();
    assert_eq!(listed["troubles"][0]["kind"], "second-minion", "{listed:#}");
    for dir in [fleet.overlord_dir(), fleet.minion_dir("copy")] {
        assert!(audit(&dir).contains(r#""event":"second-minion""#), "{}", dir.display());
    }
    // The same with all of its folder, as it was when it last stopped.
    fleet.run(&["job", "cancel", &id]);
    fleet.run(&["job", "wait", &id]);
    fleet.take_minion("web1").stop();
    // Nobody else is there now.
    fleet.await_connection("web1", 2);
    copied.stop();
    copy(&fleet, "whole", &["identity", "enrolment.toml", "ledger"]);
    fleet.start_minion("web1");
    fleet.await_connection("web1", 3);
    let id = begun(&fleet, &["test.sleep", "600000"]);
    let whole = start(&fleet, "whole");
    whole.logged("another one with the same identity is linked", 1);
    assert_eq!(fleet.overlord().count("connected minion=web1 "), 3);
    // A minion that dies and comes back has its own place at once.
    fleet.take_minion("web1").kill();
    fleet.start_minion("web1");
    let ended = fleet.run(&["job", "wait", &id, "--json"]).json();
    assert_eq!(ended["results"]["web1"]["outcome"], "interrupted", "{ended:#}");
}

#[test]
fn a_copy_that_took_the_place_is_not_asked_about_the_jobs_of_the_minion() {
    let mut fleet = Fleet::start(&["web1"]);
    let id = begun(&fleet, &["test.sleep", "600000"]);
    copy(&fleet, "copy", IDENTITY);
    // As one that is out of reach.
    fleet.minion("web1").pause();
    let copied = start(&fleet, "copy");
    fleet.await_connection("web1", 2);
    assert_eq!(fleet.run(&["call", "web1", "test.ping"]).code, 0);
    assert_eq!(outcome(&fleet, &id), serde_json::Value::Null);
    // What the overlord knows of it outlives the overlord.
    fleet.take_overlord().kill();
    fleet.start_overlord();
    fleet.await_connection("web1", 1);
    assert_eq!(fleet.run(&["call", "web1", "test.ping"]).code, 0);
    assert_eq!(outcome(&fleet, &id), serde_json::Value::Null);
    copied.stop();
    fleet.minion("web1").resume();
    fleet.await_connection("web1", 2);
    fleet.run(&["job", "cancel", &id]);
    let ended = fleet.run(&["job", "wait", &id, "--json"]).json();
    assert_eq!(ended["results"]["web1"]["outcome"], "cancelled", "{ended:#}");
}

#[test]
fn a_minion_whose_ledger_is_gone_takes_its_own_place_and_its_jobs_are_lost() {
    let mut fleet = Fleet::start(&["web1"]);
    let id = begun(&fleet, &["test.sleep", "600000"]);
    fleet.take_minion("web1").kill();
    fs::remove_dir_all(fleet.minion_dir("web1").join("ledger")).expect("removed");
    fleet.start_minion("web1");
    let ended = fleet.run(&["job", "wait", &id, "--json"]).json();
    assert_eq!(ended["results"]["web1"]["outcome"], "lost", "{ended:#}");
}
