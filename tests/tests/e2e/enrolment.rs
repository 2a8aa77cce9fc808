//! How hosts become minions: tokens for many, waiting for an operator, rules, and who keeps a name.

use std::process::{Child, Command, Stdio};

use rig::{Daemon, Fleet, Said, free_port, named};
use serde_json::Value as Json;
use wire::digest::Digest;
use wire::message::enroll::Token;

/// What a host has to know to wait: where the overlord is, and the fingerprint of its authority.
fn overlord_of(fleet: &Fleet) -> [String; 2] {
    let address = std::fs::read_to_string(fleet.overlord_dir().join("address")).expect("noted");
    let pending = fleet.run(&["minion", "pending", "--json"]).json();
    [address.trim().to_owned(), pending["ca_fingerprint"].as_str().expect("a digest").to_owned()]
}

/// A host that waits to be let in, under a name.
fn wait_as(fleet: &Fleet, folder: &str, name: &str) -> Child {
    waits(fleet, folder, name).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("runs")
}

fn waits(fleet: &Fleet, folder: &str, name: &str) -> Command {
    let [address, authority] = overlord_of(fleet);
    let mut command = fleet.minion_command(folder);
    command.args(["join", "--overlord", &address, "--ca-fingerprint", &authority, "--name", name]);
    command
}

/// What it said, once it has ended.
fn ended(waiting: Child) -> Said {
    let output = waiting.wait_with_output().expect("ends");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    Said { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
}

/// Ends one that waits.
fn end(mut waiting: Child) {
    waiting.kill().expect("it waits");
    waiting.wait().expect("ends");
}

/// The hosts that wait, once there are so many.
fn pending(fleet: &Fleet, count: usize) -> Json {
    let fits = |pending: &Json| pending["pending"].as_array().map(Vec::len) == Some(count);
    fleet.await_document(&["minion", "pending", "--json"], fits);
    fleet.run(&["minion", "pending", "--json"]).json()["pending"].clone()
}

fn invite(fleet: &Fleet, arguments: &[&str]) -> String {
    let invited = fleet.run(&[&["minion", "invite"], arguments].concat());
    assert_eq!(invited.code, 0, "{invited:?}");
    invited.out.trim().to_owned()
}

fn join_as(fleet: &Fleet, name: &str, token: &str) -> Said {
    rig::said(fleet.minion_command(name).args(["join", token, "--name", name]))
}

/// The key that the overlord knows a minion by.
fn key_of(fleet: &Fleet, name: &str) -> String {
    let minions = fleet.run(&["minion", "list", "--json"]).json();
    named(&minions["minions"], name)["key"].as_str().expect("a key").to_owned()
}

/// The entries of the overlord's audit log of this event.
fn audited(fleet: &Fleet, event: &str) -> Vec<Json> {
    let log = std::fs::read_to_string(fleet.overlord_dir().join("audit.jsonl")).expect("there");
    let entries = log.lines().map(|line| serde_json::from_str::<Json>(line).expect("JSON"));
    entries.filter(|entry| entry["event"] == event).collect()
}

#[test]
fn a_token_for_a_glob_lets_so_many_hosts_in_whose_names_fit() {
    let fleet = Fleet::without_minions();
    let token = invite(&fleet, &["web*", "--uses", "2", "--ttl", "1h"]);
    let wrong = join_as(&fleet, "db1", &token);
    assert_eq!(wrong.code, 1, "{wrong:?}");
    assert!(wrong.err.contains("web*") && wrong.err.contains("--name"), "{wrong:?}");
    for name in ["web1", "web2"] {
        let joined = join_as(&fleet, name, &token);
        assert!(joined.code == 0 && joined.out.contains(name), "{joined:?}");
    }
    let over = join_as(&fleet, "web3", &token);
    assert!(over.code == 1 && over.err.contains("overlord minion invite"), "{over:?}");
    fleet.overlord().logged("as many hosts as may", 1);
    let minions = fleet.run(&["minion", "list", "--json"]).json();
    assert_eq!(minions["minions"].as_array().map(Vec::len), Some(2), "{minions}");
    let by: Vec<_> = audited(&fleet, "enrolled").iter().map(|entry| entry["minion"].clone()).collect();
    assert_eq!(by, ["web1", "web2"]);

    for bad in [&["web1", "--uses", "2"][..], &["web*", "--uses", "0"], &["web[", "--uses", "2"], &["w b"]] {
        assert_eq!(fleet.run(&[&["minion", "invite"], bad].concat()).code, 2, "{bad:?}");
    }
}

#[test]
fn open_tokens_are_listed_without_their_secrets_and_can_be_withdrawn() {
    let fleet = Fleet::without_minions();
    let (one, many) = (invite(&fleet, &["web1"]), invite(&fleet, &["web*", "--uses", "5"]));
    let used = invite(&fleet, &["db1"]);
    assert_eq!(fleet.join("db1", &used).code, 0);
    invite(&fleet, &["late", "--ttl", "1ms"]);
    let list = fleet.run(&["minion", "invitations", "--json"]);
    for token in [&one, &many, &used] {
        assert!(!list.out.contains(token.as_str()));
        let secret = token.parse::<Token>().expect("a token").secret;
        assert!(!list.out.contains(&Digest::of(&secret).to_string()), "not even what would tell a guess");
    }
    let open: Vec<_> = list.json()["invitations"].as_array().expect("a list").clone();
    let names: Vec<_> = open.iter().map(|one| one["names"].as_str().expect("a name")).collect();
    assert_eq!(names, ["web1", "web*"], "those that are used or have expired are not open");
    assert_eq!((&open[1]["use_count"], &open[1]["used_count"]), (&5.into(), &0.into()));
    assert_eq!(fleet.run(&["minion", "invitations"]).out.lines().count(), 3);

    let id = open[1]["id"].as_str().expect("an id");
    assert_eq!(fleet.run(&["minion", "uninvite", id]).code, 0);
    assert_eq!(fleet.run(&["minion", "uninvite", "web1"]).code, 0);
    assert_eq!(join_as(&fleet, "web1", &one).code, 1);
    assert_eq!(join_as(&fleet, "web2", &many).code, 1);
    let none = fleet.run(&["minion", "uninvite", "web1"]);
    assert!(none.code == 2 && none.err.contains("overlord minion invitations"), "{none:?}");
}

#[test]
fn a_host_waits_over_restarts_until_an_operator_accepts_the_fingerprint_that_both_show() {
    let mut fleet = Fleet::without_minions();
    let port = free_port();
    drop(fleet.take_overlord());
    std::fs::write(fleet.overlord_dir().join("overlord.toml"), format!("listen = \"127.0.0.1:{port}\""))
        .expect("written");
    fleet.start_overlord();
    let waiting = Daemon::start("web1", &mut waits(&fleet, "web1", "web1"));
    let fingerprint = pending(&fleet, 1)[0]["key"].as_str().expect("a digest").to_owned();
    // Either side may be started again: the host is the same.
    waiting.logged(&format!("accept web1 --fingerprint {fingerprint}"), 1);
    waiting.kill();
    let waiting = wait_as(&fleet, "web1", "web1");
    fleet.take_overlord().kill();
    fleet.start_overlord();
    let shown = pending(&fleet, 1);
    assert_eq!((&shown[0]["key"], &shown[0]["name_is"]), (&fingerprint.clone().into(), &"free".into()));
    assert!(fleet.run(&["minion", "pending"]).out.contains(&fingerprint));

    let other = Digest::of(b"another key").to_string();
    let wrong = fleet.run(&["minion", "accept", "web1", "--fingerprint", &other]);
    assert!(wrong.code == 2 && wrong.err.contains("overlord minion pending"), "{wrong:?}");
    assert_eq!(fleet.run(&["minion", "accept", "web2"]).code, 2);
    let accepted = fleet.run(&["minion", "accept", "web1", "--fingerprint", &fingerprint]);
    assert!(accepted.code == 0 && accepted.out.contains(&fingerprint), "{accepted:?}");
    let joined = ended(waiting);
    assert!(joined.code == 0 && joined.out.contains("web1"), "{joined:?}");
    assert_eq!(key_of(&fleet, "web1"), fingerprint);
    fleet.enrolled("web1");
    fleet.start_minion("web1");
    fleet.await_connection("web1", 1);
    assert_eq!(pending(&fleet, 0), serde_json::json!([]));
    let entries = audited(&fleet, "enrolled");
    assert_eq!((entries.len(), &entries[0]["by"]), (1, &"operator".into()), "{entries:?}");
}

#[test]
fn a_host_that_is_rejected_is_told_so_and_may_still_be_accepted() {
    let fleet = Fleet::without_minions();
    let waiting = wait_as(&fleet, "web1", "web1");
    pending(&fleet, 1);
    assert_eq!(fleet.run(&["minion", "reject", "web1"]).code, 0);
    let rejected = ended(waiting);
    assert!(rejected.code == 1 && rejected.err.contains("rejected"), "{rejected:?}");
    assert!(!pending(&fleet, 1)[0]["rejected_by"].is_null());
    assert_eq!(ended(wait_as(&fleet, "web1", "web1")).code, 1);
    assert_eq!(fleet.run(&["minion", "accept", "web1"]).code, 0);
    assert_eq!(ended(wait_as(&fleet, "web1", "web1")).code, 0);
}

#[test]
fn of_several_hosts_that_want_a_name_the_fingerprint_says_which_is_meant() {
    let fleet = Fleet::without_minions();
    let mut both = [wait_as(&fleet, "one", "web1"), wait_as(&fleet, "other", "web1")];
    let waiting = pending(&fleet, 2);
    let unclear = fleet.run(&["minion", "accept", "web1"]);
    assert!(unclear.code == 2 && unclear.err.contains("--fingerprint"), "{unclear:?}");
    let fingerprint = waiting[1]["key"].as_str().expect("a digest");
    assert_eq!(fleet.run(&["minion", "accept", "web1", "--fingerprint", fingerprint]).code, 0);
    assert_eq!(key_of(&fleet, "web1"), fingerprint);
    assert_eq!(pending(&fleet, 1)[0]["name_is"], "not-connected");
    for waiting in &mut both {
        // One of them was let in, and has ended.
        let _ = waiting.kill();
        let _ = waiting.wait();
    }
}

#[test]
fn a_rule_lets_in_who_fits_it_and_nobody_else() {
    let mut fleet = Fleet::without_minions();
    let config = fleet.overlord_dir().join("overlord.toml");
    let before = std::fs::read_to_string(&config).expect("there");
    let rule = |names: &str, addresses: &str| {
        format!("{before}\n[[enrolment.autosign]]\nnames = [\"{names}\"]\naddresses = [\"{addresses}\"]\n")
    };
    std::fs::write(&config, rule("web*", "127.0.0.0/8")).expect("written");
    fleet.overlord().reload();
    let read = fleet.overlord().logged("the configuration was read again", 1);
    assert!(read.contains("names web* from 127.0.0.0/8"), "{read}");
    assert_eq!(audited(&fleet, "configuration-changed").len(), 1);
    let joined = ended(wait_as(&fleet, "web1", "web1"));
    assert_eq!(joined.code, 0, "{joined:?}");
    let entries = audited(&fleet, "enrolled");
    assert!(entries[0]["by"] == "rule" && entries[0]["why"].to_string().contains("web*"), "{entries:?}");
    let of_another_name = wait_as(&fleet, "db1", "db1");
    // The rule never gives a name away that somebody has, connected or not.
    let another_web1 = wait_as(&fleet, "other", "web1");
    let waiting = pending(&fleet, 2);
    assert_eq!((&waiting[0]["name"], &waiting[1]["name"]), (&"db1".into(), &"web1".into()));
    end(of_another_name);
    end(another_web1);

    std::fs::write(&config, rule("*", "192.0.2.0/24")).expect("written");
    drop(fleet.take_overlord());
    fleet.start_overlord();
    let from_elsewhere = wait_as(&fleet, "web2", "web2");
    pending(&fleet, 3);
    end(from_elsewhere);
}

#[test]
fn nobody_takes_the_name_of_a_minion_that_is_connected() {
    let mut fleet = Fleet::start(&["web1"]);
    fleet.await_connection("web1", 1);
    let (key, token) = (key_of(&fleet, "web1"), invite(&fleet, &["web*", "--uses", "5"]));
    let by_glob = rig::said(fleet.minion_command("thief").args(["join", &token, "--name", "web1"]));
    let by_waiting = ended(wait_as(&fleet, "thief", "web1"));
    for refused in [by_glob, by_waiting] {
        assert!(
            refused.code == 1 && refused.err.contains("web1") && refused.err.contains("in use"),
            "{refused:?}"
        );
    }
    fleet.overlord().logged("which a minion has that is linked", 2);
    assert_eq!(audited(&fleet, "newcomer-refused").len(), 2);
    let listed = fleet.run(&["minion", "list"]);
    assert!(listed.out.contains("a second minion under its name is refused"), "{listed:?}");

    // It is not connected when somebody asks, and is when an operator answers.
    drop(fleet.take_minion("web1"));
    fleet.overlord().logged("gone minion=web1", 1);
    let waiting = wait_as(&fleet, "thief", "web1");
    pending(&fleet, 1);
    fleet.start_minion("web1");
    fleet.await_connection("web1", 2);
    let refused = fleet.run(&["minion", "accept", "web1"]);
    assert!(refused.code == 2 && refused.err.contains("in use"), "{refused:?}");
    end(waiting);
    assert_eq!(key_of(&fleet, "web1"), key);
    assert_eq!(fleet.run(&["ping", "web1"]).code, 0);
}

#[test]
fn a_host_that_was_installed_anew_gets_its_name_back_from_an_operator_and_keeps_its_jobs() {
    let mut fleet = Fleet::start(&["web1"]);
    let job = fleet.run(&["call", "web1", "test.add", "2", "3", "--json"]).json();
    fleet.take_minion("web1").kill();
    std::fs::remove_dir_all(fleet.minion_dir("web1")).expect("removed");
    let (former, token) = (key_of(&fleet, "web1"), invite(&fleet, &["web*", "--uses", "5"]));
    fleet.overlord().logged("gone minion=web1", 1);
    // Its image has a token, which alone gives no name away.
    let mut command = fleet.minion_command("web1");
    command.args(["join", &token, "--name", "web1"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let waiting = command.spawn().expect("runs");
    assert_eq!(pending(&fleet, 1)[0]["name_is"], "not-connected");
    let accepted = fleet.run(&["minion", "accept", "web1", "--json"]).json();
    assert_eq!(accepted["replaced"], true);
    assert_eq!(ended(waiting).code, 0);
    assert_ne!(key_of(&fleet, "web1"), former);
    fleet.start_minion("web1");
    fleet.await_connection("web1", 2);
    let id = job["job"].as_str().expect("an id");
    assert_eq!(fleet.run(&["job", "show", id, "--json"]).json()["results"], job["results"]);
    assert_eq!(fleet.run(&["call", "web1", "test.add", "2", "3"]).code, 0);
}
