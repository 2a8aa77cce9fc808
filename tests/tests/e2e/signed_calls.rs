//! Minions that do only what operators have signed, behind a real overlord.

use std::fs;
use std::path::Path;

use rig::{Fleet, Said};
use serde_json::Value;

use crate::operators::Desk;

/// Minions that want signatures of `ann`, and the machine of that operator.
struct Signed {
    fleet: Fleet,
    ann: Desk,
}

impl Signed {
    fn start(minions: &[&str]) -> Self {
        let mut signed = Self::enrolled(minions);
        for minion in minions {
            signed.fleet.start_minion(minion);
        }
        for minion in minions {
            signed.fleet.await_connection(minion, 1);
        }
        signed
    }

    /// The same with minions that do not run yet.
    fn enrolled(minions: &[&str]) -> Self {
        let mut fleet = Fleet::without_minions();
        let ann = Desk::of(&fleet, "ann", &["admin"]);
        let shown = ann.run(&["key", "operator"]);
        assert_eq!(shown.code, 0, "{shown:?}");
        for minion in minions {
            fleet.enrol(minion);
            configure(&fleet, minion, &format!("[access.operators]\n{}", shown.out));
        }
        Self { fleet, ann }
    }
}

/// Lets a minion take signed calls alone, of those who are in the rest of its list.
fn configure(fleet: &Fleet, minion: &str, list: &str) {
    let config = format!("[access]\ncalls = \"signed\"\n{list}");
    fs::write(fleet.minion_dir(minion).join("minion.toml"), config).expect("written");
}

/// The outcome of a minion's part, and what is said of it.
fn outcome(said: &Said, minion: &str) -> (String, String) {
    let part = &said.json()["results"][minion];
    let message = part["error"]["message"].as_str().unwrap_or_default();
    (part["outcome"].as_str().unwrap_or_else(|| panic!("{said:?}")).to_owned(), message.to_owned())
}

fn is_ok(said: &Said, minion: &str) {
    assert_eq!(outcome(said, minion).0, "ok", "{said:?}");
}

fn is_denied(said: &Said, minion: &str, why: &str) {
    let (outcome, message) = outcome(said, minion);
    assert!(outcome == "denied" && message.contains(why), "{said:?}");
}

/// The signers of calls, as an audit log has them.
fn signers(folder: &Path) -> Vec<Option<String>> {
    let log = fs::read_to_string(folder.join("audit.jsonl")).expect("a log");
    let entries = log.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let calls = entries.filter(|entry| entry["event"] == "call");
    calls.map(|entry| entry["signer"].as_str().map(str::to_owned)).collect()
}

#[test]
fn calls_are_signed_by_themselves_and_those_of_others_are_denied() {
    let Signed { fleet, ann } = Signed::start(&["web1", "web2"]);
    for call in [
        &["call", "web*", "test.add", "2", "3", "--json"][..],
        &["call", "web*", "test.add", "--args", "{\"a\": 2, \"b\": 3}", "--json"],
        &["call", "*", "-x", "web9*", "--ignore-missing", "test.add", "2", "3", "--async", "--json"],
        &["call", "web1,web2", "test.add", "2", "3", "--batch", "1", "--timeout", "9s", "--json"],
        &["call", "modules.test>=0", "test.add", "2", "3", "--dry-run", "--json"],
    ] {
        let said = ann.run(call);
        is_ok(&said, "web1");
        is_ok(&said, "web2");
    }
    let unsigned = fleet.run(&["call", "web1", "test.add", "2", "3", "--json"]);
    is_denied(&unsigned, "web1", "overlord key operator");
    let key = fleet.run(&["key", "operator", "--json"]);
    assert!(key.json()["public_key"].is_string(), "{key:?}");
    let unknown = fleet.run(&["call", "web1", "test.add", "2", "3", "--json"]);
    is_denied(&unknown, "web1", "[access.operators]");

    let own = ann.run(&["key", "operator", "--json"]).json()["public_key"].as_str().map(str::to_owned);
    assert!(own.is_some());
    let (overlord, minion) = (signers(&fleet.overlord_dir()), signers(&fleet.minion_dir("web1")));
    assert_eq!(overlord[..5], vec![own.clone(); 5]);
    assert_eq!(overlord[5], None);
    assert!(overlord[6].is_some() && overlord[6] != own);
    assert_eq!(minion[..5], vec![own; 5]);
    assert_eq!(minion[5..], [None, None], "a signature that does not count is none");
}

#[test]
fn a_job_is_signed_anew_where_it_is_run_again_and_kept_for_those_who_come_later() {
    let Signed { mut fleet, ann } = Signed::enrolled(&["web1", "web2"]);
    fleet.start_minion("web1");
    fleet.await_connection("web1", 1);
    let called = ann.run(&["call", "web*", "test.add", "2", "3", "--json"]);
    is_ok(&called, "web1");
    assert_eq!(outcome(&called, "web2").0, "undelivered");
    let job = called.json()["job"].as_str().expect("an id").to_owned();
    let queued = ann.run(&["call", "web2", "test.add", "2", "3", "--queue", "1h", "--nowait"]);
    assert_eq!(queued.code, 0, "{queued:?}");
    fleet.start_minion("web2");
    fleet.await_connection("web2", 1);
    is_ok(&ann.run(&["job", "wait", queued.out.trim(), "--json"]), "web2");

    let failed = ann.run(&["job", "rerun", &job, "--failed", "--json"]);
    is_ok(&failed, "web2");
    assert_eq!(failed.json()["targets"], 1, "{failed:?}");
    let all = ann.run(&["job", "rerun", &job, "--json"]);
    is_ok(&all, "web1");
    is_ok(&all, "web2");
    // Another operator cannot tell what was signed, and signs nothing that it does not know.
    fleet.run(&["key", "operator"]);
    is_denied(&fleet.run(&["job", "rerun", &job, "--json"]), "web1", "jobs of others are run again unsigned");
}

#[test]
fn modules_are_changed_by_what_is_signed_alone() {
    let Signed { fleet, ann } = Signed::start(&["web1"]);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("which.wasm");
    fs::write(&file, wat::parse_str(WHICH).expect("a component")).expect("written");
    let which = file.to_str().expect("UTF-8");
    let became = |said: &Said| {
        let minion = said.json()["results"]["web1"].clone();
        let result = minion["result"].as_str().unwrap_or_else(|| panic!("{said:?}"));
        (result.to_owned(), minion["reason"].to_string())
    };
    let unsigned = became(&fleet.run(&["module", "push", "web1", which, "--json"]));
    assert!(unsigned.0 == "failed" && unsigned.1.contains("only what operators have signed"), "{unsigned:?}");
    let pushed = ann.run(&["module", "push", "web1", which, "--json"]);
    assert_eq!(became(&pushed).0, "active", "{pushed:?}");
    let unsigned = became(&fleet.run(&["module", "remove", "web1", "which", "--json"]));
    assert_eq!(unsigned.0, "failed", "{unsigned:?}");
    let removed = ann.run(&["module", "remove", "web1", "which", "--json"]);
    assert_eq!(became(&removed).0, "removed", "{removed:?}");

    let digest = wire::digest::Digest::of(&fs::read(&file).expect("a file")).to_string();
    let assigned = ann.run(&["module", "assign", "web*", &format!("which@{}", &digest[..12])]);
    assert_eq!(assigned.code, 0, "{assigned:?}");
    let await_assignment = |fits: &dyn Fn(&Value) -> bool| {
        rig::until(|| {
            let assignment = ann.run(&["module", "assignments", "--json"]).json()["assignments"][0].clone();
            if fits(&assignment) { Ok(()) } else { Err(format!("{assignment:#}")) }
        });
    };
    await_assignment(&|it| it["failures"].to_string().contains("only what operators have signed"));
    let assigned = ann.run(&["module", "assign", "web*", &format!("which@{digest}")]);
    assert_eq!(assigned.code, 0, "{assigned:?}");
    await_assignment(&|it| it["active_count"] == 1);
}

#[test]
fn an_operators_authority_vouches_for_keys_that_no_minion_has_pinned() {
    let mut fleet = Fleet::without_minions();
    let ann = Desk::of(&fleet, "ann", &["admin"]);
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str| folder.path().join(name).display().to_string();
    let authority = fleet.run(&["key", "new", &file("operators.key")]).out.trim().to_owned();
    fleet.enrol("web1");
    configure(&fleet, "web1", &format!("operators-authority = \"{authority}\"\n"));
    fleet.start_minion("web1");
    fleet.await_connection("web1", 1);
    let call = ["call", "web1", "test.add", "2", "3", "--json"];
    is_denied(&ann.run(&call), "web1", "does not trust its key");

    let key =
        ann.run(&["key", "operator", "--json"]).json()["public_key"].as_str().expect("a key").to_owned();
    let certify = |operator: &str, certificate: &str| {
        let made = fleet.run(&["key", "certify", "--authority", &file("operators.key"), operator, &key]);
        assert_eq!(made.code, 0, "{made:?}");
        fs::write(folder.path().join(certificate), made.out).expect("written");
        ann.run(&["key", "operator", "--certificate", &file(certificate)])
    };
    let other = certify("bob", "bob.cert");
    assert!(other.code == 2 && other.err.contains("is not for the key of this context"), "{other:?}");
    let kept = certify("ann", "ann.cert");
    assert_eq!(kept.code, 0, "{kept:?}");
    is_ok(&ann.run(&call), "web1");
}

/// A module with one method.
const WHICH: &str = r#"(component
    (core module $m (func (export "version") (result i32) i32.const 1))
    (core instance $i (instantiate $m))
    (func (export "version") (result u32) (canon lift (core func $i "version"))))"#;
