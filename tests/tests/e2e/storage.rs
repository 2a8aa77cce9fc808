//! Disks that are full, write-protected, taken or damaged.

use std::fs;
use std::path::Path;

use rig::{Fleet, Said, modules_dir, refused_start};

/// Of a disk of 64 MiB, a twentieth is kept for what was begun before.
const DISK: u32 = 64;
const SCARCE: u64 = 1 << 20;

fn fleet() -> Option<Fleet> {
    let mut fleet = Fleet::on_disks(DISK, &["web1"])?;
    fleet.enrol("web1");
    fleet.start_minion("web1");
    fleet.await_connection("web1", 1);
    Some(fleet)
}

fn begin(fleet: &Fleet, method: &str, argument: &str) -> String {
    let said = fleet.run(&["call", "--nowait", "web1", method, argument]);
    assert_eq!(said.code, 0, "{said:?}");
    said.out.trim().to_owned()
}

fn result(fleet: &Fleet, id: &str) -> serde_json::Value {
    fleet.run(&["job", "wait", id, "--json"]).json()["results"]["web1"].clone()
}

/// One line that names the folder, and exit code 1.
fn assert_refusal(said: &Said, folder: &Path, why: &str) {
    assert_eq!(said.code, 1, "{said:?}");
    assert_eq!(said.err.lines().count(), 1, "{said:?}");
    assert!(said.err.contains(&folder.display().to_string()) && said.err.contains(why), "{said:?}");
}

#[test]
fn an_overlord_on_a_full_disk_refuses_new_calls_and_loses_none_that_it_took() {
    let Some(mut fleet) = fleet() else { return };
    let (brief, long) = (begin(&fleet, "test.sleep", "1000"), begin(&fleet, "test.sleep", "600000"));
    fleet.await_begun(&brief, "web1");
    fleet.await_begun(&long, "web1");

    fleet.disk("overlord").fill_to(SCARCE);
    let refused = fleet.run(&["call", "web1", "test.ping"]);
    assert_eq!(refused.code, 4, "{refused:?}");
    let ledger = fleet.overlord_dir().join("ledger").display().to_string();
    for part in [ledger.as_str(), "is full", "free some space"] {
        assert!(refused.err.contains(part), "{refused:?}");
    }
    let status = fleet.run(&["status"]);
    assert!(status.out.contains("disk       full, ") && status.out.contains(&ledger), "{status:?}");
    assert_eq!(fleet.run(&["status", "--json"]).json()["disk"]["takes_work"], false);
    assert_eq!(result(&fleet, &brief)["outcome"], "ok");

    fleet.disk("overlord").fill_to(0);
    assert_eq!(fleet.run(&["job", "cancel", &long]).code, 0);
    fleet.overlord().logged("cannot record the outcome", 1);
    assert_eq!(fleet.run(&["call", "web1", "test.ping"]).code, 4);
    fleet.disk("overlord").clear();
    assert_eq!(result(&fleet, &long)["outcome"], "cancelled");
    let after = begin(&fleet, "test.echo-string", "after");
    assert_eq!(result(&fleet, &after)["outcome"], "ok");

    fleet.take_overlord().kill();
    fleet.start_overlord();
    let jobs = fleet.run(&["job", "list", "--json"]).json()["jobs"].clone();
    let ids: Vec<_> = jobs.as_array().expect("jobs").iter().map(|job| job["job"].clone()).collect();
    assert_eq!(ids, [after, long, brief], "those that were refused are no jobs");
}

#[test]
fn a_minion_on_a_full_disk_rejects_new_jobs_and_ends_those_that_run() {
    let Some(fleet) = fleet() else { return };
    let (brief, long) = (begin(&fleet, "test.sleep", "1000"), begin(&fleet, "test.sleep", "600000"));
    fleet.await_begun(&brief, "web1");
    fleet.await_begun(&long, "web1");

    fleet.disk("web1").fill_to(SCARCE);
    let status = fleet.minion_command("web1").arg("status").output().expect("ran");
    let status = String::from_utf8_lossy(&status.stdout);
    let ledger = fleet.minion_dir("web1").join("ledger").display().to_string();
    assert!(status.contains("disk      full, ") && status.contains(&ledger), "{status}");
    let refused = fleet.run(&["call", "web1", "test.ping", "--json"]);
    let refusal = &refused.json()["results"]["web1"];
    assert_eq!((refused.code, &refusal["outcome"]), (1, &"rejected".into()), "{refused:?}");
    assert_eq!(refusal["error"]["kind"], "not-recorded", "{refusal}");
    let message = refusal["error"]["message"].to_string();
    assert!(message.contains("is full") && message.contains("free some space"), "{message}");
    assert_eq!(result(&fleet, &brief)["outcome"], "ok");

    fleet.disk("web1").fill_to(0);
    assert_eq!(fleet.run(&["job", "cancel", &long]).code, 0);
    assert_eq!(result(&fleet, &long)["outcome"], "cancelled");
    fleet.disk("web1").clear();
    // The outcome above is the last thing that the minion had to write down.
    let after = fleet.run(&["call", "web1", "test.ping", "--json"]);
    assert_eq!(after.json()["results"]["web1"]["outcome"], "ok", "{after:?}");
}

#[test]
fn calls_that_come_while_the_disk_fills_are_refused_or_run_and_nothing_else() {
    let Some(fleet) = fleet() else { return };
    let mut accepted = Vec::new();
    let mut refused = 0;
    let mut free = 8 << 20;
    while refused < 3 {
        fleet.disk("overlord").fill_to(free);
        free /= 2;
        let calls: Vec<_> = (0..5).map(|_| fleet.spawn(&["call", "--nowait", "web1", "test.ping"])).collect();
        for call in calls {
            let said: Said = call.wait_with_output().expect("ends").into();
            match said.code {
                0 => accepted.push(said.out.trim().to_owned()),
                4 if said.err.contains("is full") => refused += 1,
                _ => panic!("{said:?}"),
            }
        }
    }
    fleet.disk("overlord").clear();
    for id in &accepted {
        assert_eq!(result(&fleet, id)["outcome"], "ok", "{id}");
    }
    let listed = fleet.run(&["job", "list", "--limit", "1000", "--json"]).json();
    assert_eq!(listed["jobs"].as_array().map(Vec::len), Some(accepted.len()));
}

#[test]
fn a_job_that_a_minion_had_begun_is_never_said_to_be_rejected_by_a_full_disk() {
    let Some(mut fleet) = fleet() else { return };
    let id = begin(&fleet, "test.sleep", "600000");
    fleet.await_begun(&id, "web1");
    fleet.disk("web1").fill_to(0);
    fleet.take_minion("web1").kill();
    fleet.start_minion("web1");
    let ended = result(&fleet, &id);
    assert_eq!(ended["outcome"], "interrupted", "{ended}");
    fleet.disk("web1").clear();
    assert_eq!(fleet.run(&["call", "web1", "test.ping"]).code, 0);
}

#[test]
fn daemons_that_start_on_a_full_disk_serve_as_soon_as_there_is_room() {
    let Some(mut fleet) = fleet() else { return };
    let id = begin(&fleet, "test.sleep", "600000");
    fleet.await_begun(&id, "web1");
    for name in ["overlord", "web1"] {
        fleet.disk(name).fill_to(0);
    }
    fleet.take_minion("web1").kill();
    fleet.take_overlord().kill();
    fleet.start_overlord();
    fleet.start_minion("web1");
    let said = fleet.run(&["call", "web1", "test.ping"]);
    assert!(said.err.contains("is full"), "{said:?}");
    for name in ["overlord", "web1"] {
        fleet.disk(name).clear();
    }
    fleet.await_connection("web1", 1);
    let ended = result(&fleet, &id);
    assert_eq!(ended["outcome"], "interrupted", "{ended}");
    assert_eq!(fleet.run(&["call", "web1", "test.ping"]).code, 0);
}

#[test]
fn a_write_protected_folder_is_refused_by_name() {
    let Some(mut fleet) = fleet() else { return };
    fleet.take_minion("web1").stop();
    fleet.take_overlord().stop();
    for name in ["overlord", "web1"] {
        fleet.disk(name).protect();
    }
    let said = refused_start(fleet.overlord_command().arg("serve"));
    assert_refusal(&said, &fleet.overlord_dir(), "Read-only");
    let said = refused_start(fleet.minion_command("web1").arg("serve"));
    assert_refusal(&said, &fleet.minion_dir("web1"), "Read-only");

    for name in ["overlord", "web1"] {
        fleet.disk(name).release();
    }
    fleet.start_overlord();
    fleet.start_minion("web1");
    fleet.await_connection("web1", 1);
}

#[test]
fn a_second_daemon_on_a_folder_is_refused_and_the_first_one_goes_on() {
    let fleet = Fleet::start(&["web1"]);
    let said = refused_start(fleet.overlord_command().args(["serve", "--listen", "127.0.0.1:0"]));
    assert_refusal(&said, &fleet.overlord_dir(), "in use by another process");
    let mut command = fleet.minion_command("web1");
    let said = refused_start(command.arg("serve").arg("--modules").arg(modules_dir()));
    assert_refusal(&said, &fleet.minion_dir("web1"), "in use by another process");
    assert_eq!(fleet.run(&["call", "web1", "test.ping"]).code, 0);
}

/// Changes a byte of each place in a ledger's journal where `what` is.
fn spoil(ledger: &Path, what: &str) {
    let journal = ledger.join("0.jnl");
    let mut bytes = fs::read(&journal).expect("reads");
    let places: Vec<usize> =
        (0..bytes.len() - what.len()).filter(|at| bytes[*at..].starts_with(what.as_bytes())).collect();
    assert!(!places.is_empty(), "nothing to spoil in {}", journal.display());
    for place in places {
        bytes[place] ^= 0x20;
    }
    fs::write(&journal, bytes).expect("writes");
}

#[test]
fn a_damaged_record_is_set_aside_by_name_and_all_others_are_served() {
    let mut fleet = Fleet::start(&["web1"]);
    let ids: Vec<String> = ["first text", "second text", "third text"]
        .iter()
        .map(|text| begin(&fleet, "test.echo-string", text))
        .collect();
    for id in &ids {
        assert_eq!(result(&fleet, id)["outcome"], "ok");
    }
    fleet.take_minion("web1").stop();
    fleet.take_overlord().stop();
    spoil(&fleet.overlord_dir().join("ledger"), "second text");
    spoil(&fleet.minion_dir("web1").join("ledger"), "second text");

    fleet.start_overlord();
    fleet.start_minion("web1");
    fleet.await_connection("web1", 1);
    for (id, value) in [(&ids[0], "first text"), (&ids[2], "third text")] {
        assert_eq!(fleet.run(&["job", "show", id, "--json"]).json()["results"]["web1"]["value"], value);
    }
    // Of the damaged job there is all but what was damaged.
    let damaged = fleet.run(&["job", "show", &ids[1], "--json"]).json();
    assert_eq!(damaged["results"]["web1"]["outcome"], "ok", "{damaged}");
    let named = fleet.overlord().logged("set a damaged record aside", 1);
    assert!(named.contains("keyspace=") && named.contains("key="), "{named}");
    let said = fleet.run(&["call", "web1", "test.ping"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(fleet.run(&["job", "list", "--json"]).json()["jobs"].as_array().map(Vec::len), Some(4));
}
