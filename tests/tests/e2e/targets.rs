//! Whom a target means, where it is not understood wholly or not known wholly.

use std::fs;

use rig::{Fleet, Said, modules_dir};
use serde_json::{Value, json};

fn names(said: &Said) -> Vec<String> {
    let names = said.json()["minions"].as_array().expect("minions").clone();
    names.iter().map(|minion| minion["name"].as_str().expect("a name").to_owned()).collect()
}

/// A fleet of minions with roles as labels.
fn fleet(minions: &[(&str, &str)]) -> Fleet {
    let mut fleet = Fleet::without_minions();
    for (name, role) in minions {
        fleet.enrol(name);
        let config = format!("[labels]\nrole = \"{role}\"\n");
        fs::write(fleet.minion_dir(name).join("minion.toml"), config).expect("written");
        fleet.start_minion(name);
    }
    for (name, _) in minions {
        fleet.await_connection(name, 1);
    }
    fleet
}

/// All commands that take a target, with this one.
fn commands(target: &[&str]) -> Vec<Vec<String>> {
    let file = modules_dir().join("test.wasm");
    let file = file.to_str().expect("text");
    let lines: [(&[&str], &[&str]); 9] = [
        (&["call"], &["test.ping"]),
        (&["ping"], &[]),
        (&["targets"], &[]),
        (&["facts"], &[]),
        (&["doc"], &["test"]),
        (&["module", "list"], &[]),
        (&["module", "push", "--name", "pushed"], &[file]),
        (&["module", "rollback"], &["nothing"]),
        (&["module", "remove"], &["nothing"]),
    ];
    let line = |(before, after): &(&[&str], &[&str])| {
        [before, target, after].concat().into_iter().map(str::to_owned).collect()
    };
    lines.iter().map(line).chain([shown(target)]).collect()
}

fn shown(target: &[&str]) -> Vec<String> {
    ["module", "show", "test"].iter().chain(target).map(ToString::to_string).collect()
}

fn run(fleet: &Fleet, words: &[String]) -> Said {
    fleet.run(&words.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn what_matches_nothing_is_said() {
    let fleet = fleet(&[("db1", "db"), ("web1", "web"), ("web2", "web")]);
    // A name that nobody has is an error, wherever it stands.
    let mistaken: [&[&str]; 4] = [&["web1,wbe2"], &["*", "-x", "wbe2"], &["* & !wbe2"], &["wbe2"]];
    for target in mistaken {
        for command in commands(target) {
            let said = run(&fleet, &command);
            assert_eq!(said.code, 2, "{command:?}: {said:?}");
            assert!(said.err.contains("no minion is called \"wbe2\" (did you mean \"web2\"?)"), "{said:?}");
            assert!(said.err.contains("--ignore-missing"), "{said:?}");
        }
    }
    assert_eq!(fleet.run(&["job", "list", "--json"]).json()["jobs"], json!([]));

    // It is a warning to whoever wants that, and in the document.
    for command in commands(&["web1,wbe2", "--ignore-missing", "--json"]) {
        let said = run(&fleet, &command);
        assert!(said.err.contains("warning: no minion is called \"wbe2\""), "{command:?}: {said:?}");
        assert_eq!(said.json()["unmatched"], json!(["wbe2"]), "{command:?}: {said:?}");
    }
    let lines = fleet.run(&["call", "web1,wbe2", "--ignore-missing", "--jsonl", "test.ping"]);
    let last: Value = serde_json::from_str(lines.out.lines().last().expect("a summary")).expect("JSON");
    assert_eq!((lines.code, &last["summary"]["unmatched"]), (0, &json!(["wbe2"])));
    let nowait = fleet.run(&["call", "web1,wbe2", "--ignore-missing", "--nowait", "--json", "test.ping"]);
    assert_eq!(nowait.json()["unmatched"], json!(["wbe2"]), "{nowait:?}");
    let nobody = fleet.run(&["targets", "wbe2", "--ignore-missing"]);
    assert_eq!(nobody.code, 3, "{nobody:?}");

    // What excludes nobody is said, and the rest is done.
    for command in commands(&["web1", "-x", "dc*, roel=db", "--json"]) {
        let said = run(&fleet, &command);
        assert!(said.err.contains("\"dc*\" excludes nobody"), "{command:?}: {said:?}");
        assert!(said.err.contains("no minion has a fact \"roel\" (did you mean \"role\"?)"), "{said:?}");
        assert_eq!(said.json()["unmatched"], json!(["dc*", "roel=db"]), "{command:?}: {said:?}");
    }
    let quiet = fleet.run(&["targets", "web*,db1", "-x", "role=db & db*", "--json"]);
    assert_eq!((quiet.code, quiet.err.as_str(), names(&quiet).len()), (0, "", 2), "{quiet:?}");
    assert_eq!(quiet.json().get("warnings"), None, "{quiet:?}");
    let emptied = fleet.run(&["call", "db1", "-x", "db*", "test.ping"]);
    assert_eq!(emptied.code, 3, "{emptied:?}");
    assert!(emptied.err.contains("the exclusion \"db*\" excludes everybody"), "{emptied:?}");

    // Of a job, its own minions are meant.
    let sleeping = fleet.run(&["call", "web*", "test.sleep", "60000", "--nowait", "--json"]).json();
    let id = sleeping["job"].as_str().expect("a job").to_owned();
    let cancel =
        |target: &[&str]| fleet.run(&[&["job", "cancel", &id, "--json", "--target"], target].concat());
    let other = cancel(&["db1"]);
    assert_eq!(other.code, 2, "{other:?}");
    assert!(other.err.contains("the job has no minion \"db1\""), "{other:?}");
    assert_eq!(cancel(&["db*"]).code, 3);
    let given_up = fleet.run(&["job", "give-up", &id, "--target", "web1,db1"]);
    assert_eq!(given_up.code, 2, "{given_up:?}");
    assert!(given_up.err.contains("the job has no minion \"db1\""), "{given_up:?}");
    let some = cancel(&["web1,db1", "--ignore-missing"]);
    assert_eq!((some.code, &some.json()["unmatched"]), (0, &json!(["db1"])), "{some:?}");
    assert_eq!(fleet.run(&["job", "cancel", &id]).code, 0);
}

/// What was never heard, here of `new1`, is refused where it is negated, by every command.
fn assert_negations_are_refused(fleet: &Fleet) {
    let negated: [&[&str]; 4] =
        [&["*", "-x", "role=db"], &["!role=db"], &["role!=db"], &["* & !(role=db & *1)"]];
    for target in negated {
        for command in commands(target) {
            let said = run(fleet, &command);
            assert_eq!(said.code, 2, "{command:?}: {said:?}");
            assert!(said.err.contains("\"new1\"") && said.err.contains("--assume-unknown skip"), "{said:?}");
            assert!(!said.err.contains("web1"), "{said:?}");
        }
    }
    let assign = |options: &[&str]| {
        let digest =
            fleet.run(&["module", "list", "--catalogue", "--json"]).json()["catalogue"][0]["digest"].clone();
        let version = format!("test@{}", &digest.as_str().expect("a digest")[..12]);
        fleet.run(&[&["module", "assign", "!role=db", &version, "--json"], options].concat())
    };
    assert_eq!(assign(&[]).code, 2);
    let assigned = assign(&["--assume-unknown", "skip"]);
    let minions = assigned.json()["minions"].clone();
    assert_eq!(
        (assigned.code, &minions[0]["name"], &minions[1]),
        (0, &json!("web1"), &Value::Null),
        "{assigned:?}"
    );
    assert_eq!(fleet.run(&["job", "list", "--json"]).json()["jobs"], json!([]));
}

/// It is taken along or left out where that is said, and where it makes no difference.
fn assert_it_is_left_out_where_that_is_said(fleet: &Fleet) {
    let known = |arguments: &[&str]| names(&fleet.run(&[&["targets", "--json"], arguments].concat()));
    assert_eq!(known(&["*", "-x", "role=db", "--assume-unknown", "skip"]), ["web1"]);
    assert_eq!(known(&["*", "-x", "role=db", "--assume-unknown", "match"]), ["new1", "web1"]);
    assert_eq!(known(&["*", "-x", "role=db & db*"]), ["new1", "web1"]);
    assert_eq!(known(&["*", "-x", "role=db,new1"]), ["web1"]);
    let queued = fleet.run(&[
        "call",
        "*",
        "-x",
        "role=db",
        "--assume-unknown",
        "skip",
        "--queue",
        "60s",
        "--nowait",
        "--json",
        "test.ping",
    ]);
    assert_eq!(queued.json()["warnings"][0]["minions"], json!([{"name": "new1"}]), "{queued:?}");
    let id = queued.json()["job"].as_str().expect("a job").to_owned();
    let results = fleet.run(&["job", "show", &id, "--json"]).json()["results"].clone();
    assert_eq!(results.as_object().expect("results").keys().collect::<Vec<_>>(), ["web1"]);

    // A test that stands by itself leaves it out, and says so.
    let positive = fleet.run(&["targets", "role=web", "--json"]);
    assert_eq!((positive.code, names(&positive)), (0, vec!["web1".to_owned()]), "{positive:?}");
    assert_eq!(positive.json()["warnings"][0]["kind"], "unknown");
    assert!(positive.err.contains("\"new1\" is left out"), "{positive:?}");
    let nobody = fleet.run(&["targets", "role=cache"]);
    assert_eq!(nobody.code, 3, "{nobody:?}");
    assert!(nobody.err.contains("new1"), "{nobody:?}");
}

#[test]
fn what_is_not_known_is_never_different() {
    let mut fleet = fleet(&[("db1", "db"), ("web1", "web")]);
    fleet.take_minion("db1").stop();
    fleet.take_minion("web1").stop();
    fleet.take_overlord().stop();
    fleet.start_overlord();

    // What was known still is, with its age.
    let known = |arguments: &[&str]| names(&fleet.run(&[&["targets", "--json"], arguments].concat()));
    assert_eq!(known(&["role=web"]), ["web1"]);
    assert_eq!(known(&["*", "-x", "role=db"]), ["web1"]);
    assert_eq!(known(&["role!=db"]), ["web1"]);
    assert_eq!(known(&["nothing!=something"]), ["db1", "web1"]);
    let facts = fleet.run(&["facts", "db1", "role", "--json"]);
    assert_eq!(facts.json()["minions"][0]["facts"]["role"], "db", "{facts:?}");
    assert!(facts.json()["minions"][0]["heard_at"].is_string(), "{facts:?}");
    assert!(facts.err.contains("not connected"), "{facts:?}");
    let kept = ["module", "add", modules_dir().join("test.wasm").to_str().expect("text")].map(str::to_owned);
    assert_eq!(run(&fleet, &kept).code, 0);

    fleet.enrol("new1");
    assert_negations_are_refused(&fleet);
    assert_it_is_left_out_where_that_is_said(&fleet);

    // What is done already is not advised.
    let file = modules_dir().join("test.wasm");
    let push = ["module", "push", "*", file.to_str().expect("text"), "--name", "pushed", "--json"];
    for (options, advised) in [(&[][..], true), (&["--partial"], false)] {
        let pushed = fleet.run(&[&push[..], options].concat());
        assert_eq!((pushed.code, pushed.out.contains("use --partial")), (1, advised), "{pushed:?}");
        assert!(pushed.out.contains("`overlord module assign` brings it later"), "{pushed:?}");
    }
}
