//! What both programs say to programs: every key has one meaning and one type, and stands in `docs/json.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::Stdio;

use rig::{Fleet, Said, bundled_dir, fixtures_dir, modules_dir};
use serde_json::{Value, json};

use crate::helps::Helps;

/// The keys of `docs/json.md`, each with its types.
pub(crate) struct Vocabulary(BTreeMap<String, BTreeSet<String>>);

impl Vocabulary {
    pub(crate) fn read() -> Self {
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/json.md");
        let page = std::fs::read_to_string(page).expect("read");
        let mut keys: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let table = page.split("## Keys").nth(1).expect("the table of keys").split("\n## ").next();
        for row in table.expect("the table").lines().filter(|line| line.starts_with("| `")) {
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            keys.entry(cells[1].trim_matches('`').to_owned()).or_default().insert(cells[2].to_owned());
        }
        Self(keys)
    }

    /// What of a document is not as the page says, by its path.
    pub(crate) fn breaches(&self, path: &str, document: &Value, found: &mut Vec<String>) {
        let Value::Object(members) = document else { return };
        for (key, value) in members {
            let path = format!("{path}.{key}");
            match self.0.get(key) {
                None => found.push(format!("{path} is not on the page: {value}")),
                Some(types) => match types.iter().find(|ty| is_of(ty, value)) {
                    None => found.push(format!("{path} is not {types:?}: {value}")),
                    Some(ty) => self.inside(ty, &path, value, found),
                },
            }
        }
    }

    fn inside(&self, ty: &str, path: &str, value: &Value, found: &mut Vec<String>) {
        match (ty, value) {
            ("map of objects", Value::Object(members)) => {
                members
                    .iter()
                    .for_each(|(name, inner)| self.breaches(&format!("{path}.{name}"), inner, found));
            }
            ("objects", Value::Array(items)) => {
                items.iter().for_each(|inner| self.breaches(&format!("{path}[]"), inner, found));
            }
            ("object", inner) => self.breaches(path, inner, found),
            _ => {}
        }
    }
}

fn is_of(ty: &str, value: &Value) -> bool {
    let all = |is: fn(&Value) -> bool| value.as_array().is_some_and(|items| items.iter().all(is));
    value.is_null()
        || match ty {
            "text" => value.is_string(),
            "time" => value.as_str().is_some_and(|text| text.len() >= 20 && text.ends_with('Z')),
            "number" => value.is_number(),
            "boolean" => value.is_boolean(),
            "texts" => all(Value::is_string),
            "objects" => all(Value::is_object),
            "object" | "map of objects" => value.is_object(),
            "map of numbers" => value.as_object().is_some_and(|map| map.values().all(Value::is_number)),
            "any" => true,
            other => panic!("docs/json.md has a type \"{other}\", which is none"),
        }
}

/// What has been asked for, and what was said.
struct Walk {
    fleet: Fleet,
    vocabulary: Vocabulary,
    asked: BTreeSet<String>,
    breaches: Vec<String>,
}

impl Walk {
    fn new(fleet: Fleet) -> Self {
        Self { fleet, vocabulary: Vocabulary::read(), asked: BTreeSet::new(), breaches: Vec::new() }
    }

    fn overlord(&mut self, command: &str, arguments: &[&str]) -> Value {
        let words: Vec<&str> = command.split(' ').chain(arguments.iter().copied()).collect();
        let said = self.fleet.run(&words);
        self.look(&format!("overlord {command}"), said)
    }

    fn minion(&mut self, command: &str, arguments: &[&str]) -> Value {
        let words = command.split(' ').chain(arguments.iter().copied());
        let said = rig::said(self.fleet.minion_command("web1").args(words));
        self.look(&format!("minion {command}"), said)
    }

    /// Looks at all documents of a command; gives back the last one.
    fn look(&mut self, command: &str, said: Said) -> Value {
        self.asked.insert(command.to_owned());
        let documents: Vec<Value> =
            said.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        // Its document is what the job returned.
        for document in documents.iter().filter(|_| command != "overlord job result") {
            self.vocabulary.breaches(command, document, &mut self.breaches);
        }
        documents.last().cloned().unwrap_or_else(|| panic!("{command} says nothing: {said:?}"))
    }
}

#[test]
fn every_document_keeps_to_the_page() {
    let mut walk = Walk::new(Fleet::start(&["web1", "web2"]));
    let file = modules_dir().join("test.wasm");
    let file = file.to_str().expect("text").to_owned();
    let id = text(&walk.overlord("call", &["*", "test.count", "2", "1", "--dry-run", "--json"])["job"]);
    walk.overlord("call", &["*", "test.fail", "no", "--jsonl"]);
    let lasting =
        text(&walk.overlord("call", &["web1", "test.sleep", "600000", "--nowait", "--json"])["job"]);
    walk.fleet.await_job(&lasting, |job| job["results"]["web1"]["state"] == "running");
    for (command, arguments) in [
        ("job show", &[id.as_str()][..]),
        ("job show", &[&lasting]),
        ("job history", &[&id]),
        ("job result", &[&id]),
        ("job wait", &[&id]),
        ("job list", &[]),
        ("job cancel", &[&lasting]),
        ("job rerun", &[&id]),
        ("ping", &["*"]),
        ("targets", &["*", "-x", "db*"]),
        ("facts", &["*"]),
        ("status", &[]),
        ("audit", &[]),
        ("audit verify", &[]),
        ("minion list", &[]),
        ("minion invite", &["web3"]),
        ("minion invite", &["web*", "--uses", "2"]),
        ("minion invitations", &[]),
        ("minion uninvite", &["web3"]),
        ("doc", &[]),
        ("doc", &["test.add"]),
        ("module doc", &["test"]),
        ("module add", &[&file]),
        ("module push", &["*", &file]),
        ("module assign", &["*", "test@0.1.0"]),
        ("module assignments", &[]),
        ("module list", &[]),
        ("module list", &["--catalogue"]),
        ("module show", &["test"]),
        ("module unassign", &["*", "test"]),
        ("module rollback", &["*", "test"]),
        ("module release", &["test"]),
        ("module remove", &["*", "test"]),
        ("job purge", &["--older-than", "1h"]),
        ("key show", &["/nowhere/key"]),
        ("job give-up", &[&id]),
    ] {
        walk.overlord(command, &[arguments, &["--json"]].concat());
    }
    minions(&mut walk, &file);
    operators(&mut walk);
    standings(&mut walk);
    authority(&mut walk);
    folders(&mut walk);
    errors(&mut walk);
    assert!(walk.breaches.is_empty(), "{:#?}", walk.breaches);
    every_command_was_asked(&walk);
}

fn every_command_was_asked(walk: &Walk) {
    let helps = Helps::of(["overlord", "minion"]);
    let all =
        helps.with_option("--json").into_iter().filter(|command| !command.starts_with("overlord bench"));
    let left: Vec<String> = all.filter(|command| !walk.asked.contains(command)).collect();
    assert!(left.is_empty(), "nobody looked at {left:?}");
}

/// What `minion` says.
fn minions(walk: &mut Walk, file: &str) {
    let bad = fixtures_dir().join("egress.wasm");
    let process = bundled_dir().join("process.wasm");
    let process = process.to_str().expect("text");
    for (command, arguments) in [
        ("status", &[][..]),
        ("audit", &[]),
        ("audit verify", &[]),
        ("modules", &[]),
        ("check", &[file]),
        ("check", &[bad.to_str().expect("text")]),
        ("call", &[file, "add", "2", "3"]),
        ("call", &[file, "fail", "no"]),
        ("grant", &["process:manage", "--file", process, "--yes"]),
        ("grant", &["process:manage", "--file", process, "--yes"]),
        ("check", &[process]),
        ("revoke-grant", &["process", "--yes"]),
        ("revoke-grant", &["process", "--yes"]),
    ] {
        walk.minion(command, &[arguments, &["--json"]].concat());
    }
    let token = text(&walk.overlord("minion invite", &["web9", "--json"])["token"]);
    let modules = tempfile::tempdir().expect("a folder");
    for module in ["process.wasm", "test.wasm"] {
        std::fs::copy(bundled_dir().join(module), modules.path().join(module)).expect("copied");
    }
    let folder = modules.path().to_str().expect("text");
    walk.minion("join", &[&token, "--dir", folder, "--grant", "read", "--modules", folder, "--json"]);
    let token = text(&walk.overlord("minion invite", &["herd*", "--uses", "2", "--json"])["token"]);
    let herd = tempfile::tempdir().expect("a folder");
    let herd = herd.path().to_str().expect("text");
    let swarm =
        ["--count", "2", "--name", "herd", "--token", &token, "--dir", herd, "--stop-with-stdin", "--json"];
    walk.minion("swarm", &swarm);
}

/// Who the operators are, and what they may do.
fn operators(walk: &mut Walk) {
    let me = text(&walk.overlord("whoami", &["--json"])["name"]);
    let token = text(&walk.overlord("operator invite", &["bob", "--role", "admin", "--json"])["token"]);
    let desk = tempfile::tempdir().expect("a folder");
    let desk = desk.path().to_str().expect("text");
    let context = text(&walk.overlord("login", &[&token, "--dir", desk, "--json"])["context"]);
    walk.overlord("context list", &["--dir", desk, "--json"]);
    walk.overlord("context use", &[&context, "--dir", desk, "--json"]);
    for (command, arguments) in [
        ("operator list", &[][..]),
        ("operator show", &[me.as_str()]),
        ("operator set", &["bob", "--role", "admin"]),
        ("operator revoke", &["bob", "--why", "gone"]),
        ("can", &["bob", "test.ping", "*"]),
        ("operator unrevoke", &["bob"]),
        ("can", &["bob", "test.ping", "*"]),
        ("operator remove", &["bob"]),
    ] {
        walk.overlord(command, &[arguments, &["--json"]].concat());
    }
}

/// How hosts are let in that wait, and minions are taken back.
fn standings(walk: &mut Walk) {
    let address = std::fs::read_to_string(walk.fleet.overlord_dir().join("address")).expect("noted");
    let authority = text(&walk.overlord("minion pending", &["--json"])["ca_fingerprint"]);
    let mut waiting: Vec<_> = ["host1", "host2"]
        .map(|name| {
            let mut command = walk.fleet.minion_command(name);
            command.args([
                "join",
                "--overlord",
                address.trim(),
                "--ca-fingerprint",
                &authority,
                "--name",
                name,
            ]);
            command.stderr(Stdio::null()).spawn().expect("runs")
        })
        .into();
    let both = |pending: &Value| pending["pending"].as_array().map(Vec::len) == Some(2);
    walk.fleet.await_document(&["minion", "pending", "--json"], both);
    walk.overlord("minion pending", &["--json"]);
    walk.overlord("minion accept", &["host1", "--json"]);
    walk.overlord("minion reject", &["host2", "--json"]);
    for waiting in &mut waiting {
        waiting.wait().expect("ends");
    }
    walk.overlord("minion revoke", &["host1", "--why", "it is old", "--json"]);
    walk.overlord("minion list", &["--json"]);
    walk.overlord("minion unrevoke", &["host1", "--json"]);
    walk.overlord("minion remove", &["host1", "--json"]);
}

/// How the overlord moves to another authority.
fn authority(walk: &mut Walk) {
    walk.overlord("ca export-csr", &["--json"]);
    walk.overlord("ca import", &["/dev/null", "--json"]);
    walk.overlord("ca rotate", &["--json"]);
    walk.overlord("ca rotate", &["--back", "--json"]);
    walk.overlord("ca status", &["--json"]);
    walk.overlord("ca rotate", &["--finish", "--force", "--json"]);
}

/// What is done in folders, without a daemon.
fn folders(walk: &mut Walk) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).to_str().expect("text").to_owned();
    walk.overlord("init", &["--dir", &path("overlord"), "--json"]);
    walk.overlord("restored", &["--dir", &path("overlord"), "--json"]);
    std::fs::write(path("passphrase"), "correct horse").expect("written");
    for command in ["ca encrypt", "ca decrypt"] {
        let (folder, passphrase) = (path("overlord"), path("passphrase"));
        walk.overlord(command, &["--dir", &folder, "--passphrase-file", &passphrase, "--json"]);
    }
    walk.overlord("key new", &[&path("key"), "--json"]);
    walk.overlord("key show", &[&path("key"), "--json"]);
    let key = walk.overlord("key operator", &["--json"])["public_key"].as_str().expect("a key").to_owned();
    walk.overlord("key certify", &["--authority", &path("key"), "ann", &key, "--json"]);
    std::fs::copy(modules_dir().join("test.wasm"), path("test.wasm")).expect("copied");
    walk.minion("sign", &[&path("test.wasm"), "--key", &path("key"), "--json"]);
}

/// What goes wrong says so as a document too, and with the same exit code.
fn errors(walk: &mut Walk) {
    for (command, arguments, code, kind) in [
        ("call", &["web1", "test.ping", "--jso"][..], 2, "usage"),
        ("call", &["nobody", "test.ping", "--json"], 2, "usage"),
        ("call", &["nob*", "test.ping", "--jsonl"], 3, "no-match"),
        ("call", &["web1", "test.add", "x", "2", "--json"], 2, "usage"),
        ("job show", &["01AAAA", "--json"], 2, "not-found"),
        ("module show", &["nothing", "--json"], 2, "not-found"),
        ("status", &["--address", "127.0.0.1:1", "--json"], 4, "unreachable"),
        ("status", &["--dir", "/nowhere", "--json"], 4, "not-initialised"),
    ] {
        let words: Vec<&str> = command.split(' ').chain(arguments.iter().copied()).collect();
        let said = walk.fleet.run(&words);
        assert_eq!(said.code, code, "{words:?}: {said:?}");
        assert!(said.err.starts_with("overlord: ") || said.err.starts_with("error: "), "{said:?}");
        if words.contains(&"--jso") {
            assert_eq!(said.out, "", "nobody asked for JSON");
            continue;
        }
        let document = walk.look(&format!("overlord {command}"), said);
        assert_eq!(document["error"]["kind"], kind, "{words:?}: {document}");
        assert!(document["error"]["message"].is_string(), "{document}");
    }
    let document = walk.overlord("status", &["--json", "--no-such-flag"]);
    assert_eq!(document["error"]["kind"], "usage");
    assert!(document["error"]["hint"].as_str().is_some_and(|hint| hint.contains("Usage:")), "{document}");
    let file = modules_dir().join("test.wasm");
    let document = walk.minion("call", &[file.to_str().expect("text"), "add", "2", "x", "--json"]);
    assert_eq!(document["error"]["kind"], "usage", "{document}");
    let document = walk.minion("status", &["--json", "--dir", "/nowhere"]);
    assert_eq!(document["error"]["kind"], "unreachable", "{document}");
    assert!(
        document["error"]["hint"].as_str().is_some_and(|hint| hint.contains("minion serve")),
        "{document}"
    );
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

#[test]
fn the_schemas_of_a_module_are_said_once_however_many_have_it() {
    let fleet = Fleet::start(&["web1", "web2", "web3"]);
    let listed = fleet.run(&["module", "list", "--json"]);
    assert_eq!(listed.out.matches(r#""signature":"add(a: s64, b: s64) -> s64""#).count(), 1, "{listed:?}");
    let listed = listed.json();
    assert_eq!(listed["minions"].as_array().map(Vec::len), Some(3));
    let digest = &rig::named(&listed["modules"], "test")["digest"];
    for minion in listed["minions"].as_array().expect("a list") {
        let module = rig::named(&minion["modules"], "test");
        assert_eq!((&module["digest"], &module["state"]), (digest, &json!("active")), "{minion:#}");
    }
}

#[test]
fn a_lost_link_leaves_a_document_with_the_job() {
    let mut fleet = Fleet::start(&["web1"]);
    let mut call = fleet.spawn(&["call", "web1", "test.sleep", "600000", "--async", "--json"]);
    let mut told = BufReader::new(call.stderr.take().expect("piped")).lines().map_while(Result::ok);
    let job = told.find_map(|line| line.strip_prefix("job ").map(str::to_owned)).expect("the job's id");
    fleet.take_overlord().stop();
    let said: Said = call.wait_with_output().expect("ends").into();
    assert_eq!(said.code, 4, "{said:?}");
    let document = said.json();
    assert_eq!((&document["job"], &document["error"]["kind"]), (&json!(job), &json!("lost")), "{document}");
    assert!(
        document["error"]["hint"].as_str().is_some_and(|hint| hint.contains("overlord job wait")),
        "{document}"
    );
}
