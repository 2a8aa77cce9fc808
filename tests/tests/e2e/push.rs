//! New versions of modules: pushed, rolled back, removed, and what happens when something dies.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use machine::failpoint::Point;
use rig::{Disk, PATIENCE, binary, fixtures_dir, interrupt};
use serde_json::{Value, json};

use crate::pushes::{Pushes, await_part, field, results, said};

/// How much padding makes a file so large that its way can be seen.
const LARGE: usize = 48 << 20;

#[test]
fn a_pushed_version_is_in_service_on_every_minion() {
    let pushes = Pushes::to(&["web1", "web2", "web3"]);
    let said = pushes.push("*", &pushes.file("1.0.0", 0), &[]);
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(results(&said), json!({"web1": "active", "web2": "active", "web3": "active"}));
    assert_eq!(said.json()["version"], "1.0.0");

    let said = pushes.push("web*", &pushes.file("1.1.0", 0), &[]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.json()["results"]["web1"]["before"].is_string(), "{said:?}");
    for minion in ["web1", "web2", "web3"] {
        pushes.await_version(minion, &json!("1.1.0"));
    }
    assert_eq!(pushes.versions_of_job("*"), json!({"web1": "1.1.0", "web2": "1.1.0", "web3": "1.1.0"}));
    let shown = pushes.fleet.run(&["module", "show", "test", "--json"]).json();
    let kept: Vec<&Value> =
        shown["catalogue"].as_array().expect("kept").iter().map(|kept| &kept["version"]).collect();
    assert_eq!(kept, ["1.1.0", "1.0.0"]);
    let known = shown["known"].as_array().expect("versions");
    let states: Vec<&Value> = known.iter().map(|version| &version["state"]).collect();
    assert_eq!(states, ["active", "retired"], "{shown:#}");
}

#[test]
fn a_version_that_one_minion_refuses_is_in_service_nowhere_unless_that_is_wanted() {
    let mut pushes = Pushes::to(&[]);
    for name in ["web1", "web2"] {
        pushes.fleet.enrol(name);
    }
    let grants = "[modules.capabilities]\nprocess = [{ command = \"true\" }]\nfacts = [\"os.*\"]\n\
                  kv = { quota = \"1MiB\" }\n";
    fs::write(pushes.fleet.minion_dir("web1").join("minion.toml"), grants).expect("written");
    for name in ["web1", "web2"] {
        pushes.fleet.start_empty_minion(name);
        pushes.fleet.await_connection(name, 1);
    }
    let file = fixtures_dir().join("capabilities.wasm");
    let said = pushes.push("*", &file, &[]);
    assert_eq!(said.code, 1, "{said:?}");
    assert_eq!(results(&said), json!({"web1": "staged", "web2": "failed"}));
    let reason = said.json()["results"]["web2"]["reason"].to_string();
    assert!(reason.contains("minion.toml"), "{reason}");
    assert_eq!(pushes.in_service("web1"), Value::Null);

    let said = pushes.push("*", &file, &["--partial"]);
    assert_eq!(said.code, 1, "{said:?}");
    assert_eq!(results(&said), json!({"web1": "active", "web2": "failed"}));
    let called = pushes.fleet.run(&["call", "web1", "capabilities.facts/get", "os.name", "--json"]);
    assert_ne!(called.json()["results"]["web1"]["outcome"], "rejected", "{called:?}");
}

#[test]
fn the_version_before_comes_back_and_a_removed_module_is_gone() {
    let pushes = Pushes::to(&["web1", "web2"]);
    for version in ["1.0.0", "2.0.0"] {
        assert_eq!(pushes.push("*", &pushes.file(version, 0), &[]).code, 0);
    }
    let back = pushes.fleet.run(&["module", "rollback", "*", "test", "--json"]);
    assert_eq!(back.code, 0, "{back:?}");
    assert_eq!(back.json()["results"]["web1"]["version"], "1.0.0");
    pushes.await_version("web1", &json!("1.0.0"));
    pushes.await_version("web2", &json!("1.0.0"));

    let removed = pushes.fleet.run(&["module", "remove", "web1", "test", "--json"]);
    assert_eq!((removed.code, results(&removed)), (0, json!({"web1": "removed"})), "{removed:?}");
    pushes.await_version("web1", &Value::Null);
    // The documentation is that of what can be called.
    let doc = pushes.fleet.run(&["doc", "--json"]).json();
    assert_eq!(doc["modules"].as_array().map(Vec::len), Some(1), "{doc}");
    let again = pushes.fleet.run(&["module", "remove", "web1", "nothing"]);
    assert_eq!(again.code, 1, "{again:?}");
    assert!(again.out.contains("has no module"), "{again:?}");
    let nobody = pushes.fleet.run(&["module", "remove", "db*", "test"]);
    assert_eq!(nobody.code, 3, "{nobody:?}");
}

#[test]
fn of_two_pushes_of_one_module_the_second_is_refused_and_told_by_whom() {
    let pushes = Pushes::to(&["web1"]);
    pushes.fleet.minion("web1").pause();
    let first = pushes.spawn_push("*", &pushes.file("1.0.0", 0));
    pushes.fleet.overlord().logged("push begins", 1);
    let second = pushes.push("*", &pushes.file("2.0.0", 0), &[]);
    assert_eq!(second.code, 1, "{second:?}");
    assert!(second.err.contains("\"test\" is being pushed by"), "{second:?}");
    let same = pushes.push("*", &pushes.file("1.0.0", 0), &["--name", "other"]);
    assert_eq!(same.code, 1, "{same:?}");
    pushes.fleet.minion("web1").resume();
    let first = said(first);
    assert_eq!((first.code, results(&first)), (0, json!({"web1": "active"})), "{first:?}");
    assert!(first.err.contains("and was refused"), "{first:?}");
}

#[test]
fn a_minion_that_dies_in_the_middle_of_a_push_gets_the_rest_when_it_is_back() {
    let mut pushes = Pushes::to(&["web1", "web2"]);
    assert_eq!(pushes.push("*", &pushes.file("1.0.0", 0), &[]).code, 0);
    let file = pushes.file("2.0.0", LARGE);
    let mut push = pushes.spawn_push("*", &file);
    let staged = pushes.fleet.minion_dir("web1").join("staged");
    await_part(&staged, &mut push);
    pushes.fleet.minion("web1").pause();
    pushes.fleet.take_minion("web1").kill();
    // What was on its way into the file is there or lost, but nothing comes any more.
    let came = await_part(&staged, &mut push);
    assert!(came < fs::metadata(&file).expect("there").len(), "it died too late");
    assert_eq!(pushes.versions_of_job("web2"), json!({"web2": "1.0.0"}), "what was in service serves on");

    pushes.fleet.start_empty_minion("web1");
    let said = said(push);
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(results(&said), json!({"web1": "active", "web2": "active"}));
    assert_eq!(pushes.versions_of_job("*"), json!({"web1": "2.0.0", "web2": "2.0.0"}));
    let sent = pushes.fleet.overlord().logged("sending a file minion=web1", 3);
    assert_eq!(field(&sent, "from"), came.to_string(), "{sent}");
}

#[test]
fn an_upload_that_broke_off_with_its_command_goes_on_with_the_next() {
    let pushes = Pushes::to(&["web1"]);
    let file = pushes.file("1.0.0", LARGE);
    let mut first = pushes.spawn_push("*", &file);
    await_part(&pushes.fleet.overlord_dir().join("modules"), &mut first);
    first.kill().expect("killed");
    first.wait().expect("ended");
    goes_on(&pushes, &file);
}

/// Pushes a file of which a beginning is with the overlord, once that has seen that nobody else does.
fn goes_on(pushes: &Pushes, file: &Path) {
    // The overlord sees that a command is gone when its connection has been silent for long enough.
    let end = Instant::now() + PATIENCE;
    let said = loop {
        let said = pushes.push("*", file, &[]);
        if said.code == 0 || Instant::now() > end {
            break said;
        }
        assert!(said.err.contains("is being pushed by"), "{said:?}");
    };
    assert_eq!(results(&said), json!({"web1": "active"}));
    let from = field(&pushes.fleet.overlord().logged("taking a file", 2), "from").to_owned();
    assert!(from.parse::<u64>().expect("a number") > 0, "it began anew");
}

#[test]
fn ctrl_c_while_the_file_is_on_its_way_ends_the_push_and_says_so() {
    let pushes = Pushes::to(&["web1"]);
    let file = pushes.file("1.0.0", LARGE);
    let mut push = pushes.spawn_push("*", &file);
    let modules = pushes.fleet.overlord_dir().join("modules");
    await_part(&modules, &mut push);
    pushes.fleet.overlord().pause();
    assert!(
        await_part(&modules, &mut push) < fs::metadata(&file).expect("there").len(),
        "it is here already"
    );
    interrupt(&push);
    let said = said(push);
    assert_eq!(said.code, 130, "{said:?}");
    assert!(said.err.contains("push it again, which goes on where it was"), "{said:?}");
    pushes.fleet.overlord().resume();
    goes_on(&pushes, &file);
    assert_eq!(pushes.fleet.overlord().count("push begins"), 1);
}

#[test]
fn ctrl_c_during_a_push_leaves_it_to_itself_and_says_where_to_look() {
    let mut pushes = Pushes::to(&["web1", "web2"]);
    pushes.fleet.take_minion("web2").kill();
    pushes.fleet.overlord().logged("gone", 1);
    pushes.fleet.minion("web1").pause();
    let file = pushes.file("1.0.0", 0);
    let file = file.to_str().expect("text");
    let mut push = pushes.fleet.spawn(&["module", "push", "*", file, "--partial", "--jsonl"]);
    let mut lines = BufReader::new(push.stdout.take().expect("piped")).lines();
    let first = lines.next().expect("a line").expect("text");
    assert!(first.contains("not-connected"), "{first}");
    interrupt(&push);
    let said = said(push);
    assert_eq!(said.code, 130, "{said:?}");
    assert!(
        said.err.contains("it goes on; see what comes of it with: overlord module show test"),
        "{said:?}"
    );
    pushes.fleet.minion("web1").resume();
    pushes.await_version("web1", &json!("1.0.0"));
}

#[test]
fn a_push_goes_on_without_its_command() {
    let pushes = Pushes::to(&["web1"]);
    pushes.fleet.minion("web1").pause();
    let mut push = pushes.spawn_push("*", &pushes.file("1.0.0", 0));
    pushes.fleet.overlord().logged("push begins", 1);
    push.kill().expect("killed");
    push.wait().expect("ended");
    pushes.fleet.minion("web1").resume();
    pushes.await_version("web1", &json!("1.0.0"));
}

#[test]
fn an_overlord_that_dies_in_the_middle_of_a_push_says_so_and_takes_it_again() {
    let mut pushes = Pushes::to(&["web1"]);
    let file = pushes.file("1.0.0", 0);
    pushes.fleet.minion("web1").pause();
    let push = pushes.spawn_push("*", &file);
    pushes.fleet.overlord().logged("push begins", 1);
    pushes.fleet.take_overlord().kill();
    let lost = said(push);
    assert_eq!(lost.code, 4, "{lost:?}");
    assert!(lost.err.contains("overlord module show test"), "{lost:?}");
    pushes.fleet.minion("web1").resume();
    pushes.fleet.start_overlord();
    pushes.fleet.await_connection("web1", 1);
    let again = pushes.push("*", &file, &[]);
    assert_eq!((again.code, results(&again)), (0, json!({"web1": "active"})), "{again:?}");
}

#[test]
fn an_overlord_that_dies_while_it_sends_a_file_sends_only_the_rest_of_it_later() {
    let mut pushes = Pushes::to(&["web1"]);
    let file = pushes.file("1.0.0", LARGE);
    let mut push = pushes.spawn_push("*", &file);
    let staged = pushes.fleet.minion_dir("web1").join("staged");
    await_part(&staged, &mut push);
    pushes.fleet.overlord().pause();
    let came = await_part(&staged, &mut push);
    assert!(came < fs::metadata(&file).expect("there").len(), "it died too late");
    pushes.fleet.take_overlord().kill();
    assert_eq!(said(push).code, 4);

    pushes.fleet.start_overlord();
    pushes.fleet.await_connection("web1", 1);
    let again = pushes.push("*", &file, &[]);
    assert_eq!((again.code, results(&again)), (0, json!({"web1": "active"})), "{again:?}");
    let overlord = pushes.fleet.overlord();
    assert_eq!(overlord.count("taking a file"), 0, "the operator sent it twice");
    let sent = overlord.logged("sending a file minion=web1", 1);
    assert!(field(&sent, "from").parse::<u64>().expect("a number") >= came, "{sent}");
}

#[test]
fn an_overlord_that_dies_between_two_activations_leaves_each_minion_with_one_version_or_the_other() {
    let mut pushes = Pushes::to(&["web1", "web2"]);
    assert_eq!(pushes.push("*", &pushes.file("1.0.0", 0), &[]).code, 0);
    let failpoints = pushes.fleet.failpoints("web2");
    failpoints.arm(Point::ServeBefore);
    let file = pushes.file("2.0.0", 0);
    let push = pushes.spawn_push("*", &file);
    pushes.fleet.take_minion("web2").await_kill();
    pushes.await_version("web1", &json!("2.0.0"));
    pushes.fleet.take_overlord().kill();
    assert_eq!(said(push).code, 4);

    failpoints.disarm();
    pushes.fleet.start_overlord();
    pushes.fleet.start_empty_minion("web2");
    for minion in ["web1", "web2"] {
        pushes.fleet.await_connection(minion, 1);
    }
    let ran = pushes.versions_of_job("*");
    assert_eq!(ran["web1"], "2.0.0");
    assert!(["1.0.0", "2.0.0"].iter().any(|version| ran["web2"] == *version), "{ran}");
    let again = pushes.push("*", &file, &[]);
    let all = json!({"web1": "active", "web2": "active"});
    assert_eq!((again.code, results(&again)), (0, all), "{again:?}");
    assert_eq!(pushes.versions_of_job("*"), json!({"web1": "2.0.0", "web2": "2.0.0"}));
}

#[test]
fn a_minion_without_room_refuses_and_goes_on_with_what_it_has() {
    let pushes = Pushes::to(&["web1"]);
    assert_eq!(pushes.push("*", &pushes.file("1.0.0", 0), &[]).code, 0);
    let staged = pushes.fleet.minion_dir("web1").join("staged");
    let Some(_disk) = Disk::mount(&staged, 4) else { return };
    let said = pushes.push("*", &pushes.file("2.0.0", 16 << 20), &[]);
    assert_eq!((said.code, results(&said)), (1, json!({"web1": "failed"})), "{said:?}");
    assert!(said.out.contains("room"), "{said:?}");
    assert_eq!(fs::read_dir(&staged).expect("reads").count(), 0, "something is left");
    assert_eq!(pushes.in_service("web1"), "1.0.0");
    assert_eq!(pushes.versions_of_job("*"), json!({"web1": "1.0.0"}));
}

#[test]
fn an_overlord_without_room_refuses_and_keeps_nothing_half_written() {
    let mut pushes = Pushes::to(&["web1"]);
    let modules = pushes.fleet.overlord_dir().join("modules");
    let Some(_disk) = Disk::mount(&modules, 4) else { return };
    let said = pushes.push("*", &pushes.file("1.0.0", 16 << 20), &[]);
    assert_eq!(said.code, 4, "{said:?}");
    assert!(said.err.contains("is full"), "{said:?}");
    assert_eq!(fs::read_dir(&modules).expect("reads").count(), 0, "something is left");
    let said = pushes.push("*", &pushes.file("2.0.0", 0), &[]);
    assert_eq!(said.code, 0, "{said:?}");
    pushes.fleet.take_minion("web1").stop();
}

#[test]
fn a_push_to_more_minions_than_are_sent_bytes_at_once_reaches_all_of_them() {
    let names: Vec<String> = (10..24).map(|number| format!("web{number}")).collect();
    let pushes = Pushes::to(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let said = pushes.push("*", &pushes.file("1.0.0", 0), &[]);
    assert_eq!(said.code, 0, "{said:?}");
    let active: Value = names.iter().map(|name| (name.clone(), Value::from("active"))).collect();
    assert_eq!(results(&said), active);
}

#[test]
fn bytes_that_are_there_already_are_not_sent_again() {
    let mut pushes = Pushes::to(&["web1"]);
    let (one, two) = (pushes.file("1.0.0", 0), pushes.file("2.0.0", 0));
    for file in [&one, &two, &one] {
        let said = pushes.push("*", file, &["--downgrade"]);
        assert_eq!((said.code, results(&said)), (0, json!({"web1": "active"})), "{said:?}");
    }
    pushes.join("web2");
    assert_eq!(pushes.push("*", &one, &[]).code, 0);
    assert_eq!(pushes.versions_of_job("*"), json!({"web1": "1.0.0", "web2": "1.0.0"}));
    let overlord = pushes.fleet.overlord();
    let counts = ["taking a file", "sending a file minion=web1", "sending a file minion=web2"]
        .map(|what| overlord.count(what));
    assert_eq!(counts, [2, 2, 1]);
}

#[test]
fn an_older_version_is_taken_only_by_those_who_are_told_that_it_is() {
    let pushes = Pushes::to(&["web1"]);
    assert_eq!(pushes.push("*", &pushes.file("2.0.0", 0), &[]).code, 0);
    let older = pushes.file("1.0.0", 0);
    let refused = pushes.push("*", &older, &[]);
    assert_eq!((refused.code, results(&refused)), (1, json!({"web1": "failed"})), "{refused:?}");
    assert!(refused.out.contains("--downgrade"), "{refused:?}");
    assert_eq!(pushes.in_service("web1"), "2.0.0");
    let taken = pushes.push("*", &older, &["--downgrade"]);
    assert_eq!((taken.code, results(&taken)), (0, json!({"web1": "active"})), "{taken:?}");
    pushes.await_version("web1", &json!("1.0.0"));
}

#[test]
fn who_signed_a_version_and_since_when_it_is_in_service_is_shown() {
    let pushes = Pushes::to(&["web1"]);
    let file = pushes.file("1.0.0", 0);
    let key = file.with_file_name("ann.key");
    let ann = pushes.fleet.run(&["key", "new", key.to_str().expect("text")]);
    assert_eq!(ann.code, 0, "{ann:?}");
    let ann = ann.out.trim();
    let mut sign = Command::new(binary("minion"));
    assert!(sign.arg("sign").arg("--key").arg(&key).arg(&file).output().expect("runs").status.success());
    let policy = format!("[signatures]\npolicy = \"require\"\ntrusted = [\"{ann}\"]\n");
    fs::write(pushes.fleet.minion_dir("web1").join("minion.toml"), policy).expect("written");
    pushes.fleet.minion("web1").reload();
    pushes.fleet.minion("web1").logged("signatures.policy is require", 1);
    assert_eq!(pushes.push("*", &file, &[]).code, 0);

    pushes.await_version("web1", &json!("1.0.0"));
    let shown = pushes.fleet.run(&["module", "show", "test", "--json"]).json();
    let known = &shown["known"][0];
    assert_eq!((&known["state"], &known["signer"]), (&json!("active"), &json!(ann)), "{shown:#}");
    let since = known["since_at"].as_str().expect("a time");
    assert!(since >= shown["catalogue"][0]["pushed_at"].as_str().expect("a time"), "{shown:#}");
    assert_eq!(shown["catalogue"][0]["signed"], true);
    let table = pushes.fleet.run(&["module", "show", "test"]).out;
    assert!(table.contains("SIGNER") && table.contains(&ann[..16]), "{table}");
}
