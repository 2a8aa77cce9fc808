//! New versions of modules: pushed, rolled back, removed, assigned, and what happens when something dies.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};

use rig::{Disk, Fleet, Said, fixtures_dir, modules_dir, variant};
use serde_json::{Value, json};

/// A fleet whose minions have no modules, and a folder for those that they get.
struct Pushes {
    fleet: Fleet,
    files: tempfile::TempDir,
}

impl Pushes {
    fn to(names: &[&str]) -> Self {
        let files = tempfile::tempdir().expect("a folder");
        let mut pushes = Self { fleet: Fleet::without_minions(), files };
        for name in names {
            pushes.join(name);
        }
        pushes
    }

    /// One more minion.
    fn join(&mut self, name: &str) {
        self.fleet.enrol(name);
        self.fleet.start_empty_minion(name);
        self.fleet.await_connection(name, 1);
    }

    /// The bundled module in this version, with so many bytes of padding.
    fn file(&self, version: &str, padding: usize) -> PathBuf {
        let dir = self.files.path().join(version);
        fs::create_dir_all(&dir).expect("made");
        variant(&modules_dir().join("test.wasm"), version, padding, &dir)
    }

    fn push(&self, target: &str, file: &Path, more: &[&str]) -> Said {
        let file = file.to_str().expect("text");
        self.fleet.run(&[&["module", "push", target, file, "--json"], more].concat())
    }

    fn spawn_push(&self, target: &str, file: &Path) -> Child {
        self.fleet.spawn(&["module", "push", target, file.to_str().expect("text"), "--json"])
    }

    /// What a minion says that it has in service.
    fn in_service(&self, minion: &str) -> Value {
        let modules = self.fleet.run(&["module", "list", minion, "--json"]).json();
        let modules = modules["minions"][minion]["modules"].as_array().expect("modules").clone();
        let active = modules.iter().find(|module| module["state"] == "active");
        active.map_or(Value::Null, |module| module["version"].clone())
    }

    /// Waits until a minion says that it has this in service.
    fn await_version(&self, minion: &str, version: &Value) {
        let active = |document: &Value| {
            let modules = document["minions"][minion]["modules"].as_array().expect("modules");
            let active = modules.iter().find(|module| module["state"] == "active");
            active.map_or(Value::Null, |module| module["version"].clone()) == *version
        };
        self.fleet.await_document(&["module", "list", minion, "--json"], active);
    }

    fn versions_of_job(&self, target: &str) -> Value {
        let said = self.fleet.run(&["call", target, "test.add", "2", "3", "--json"]);
        assert_eq!(said.code, 0, "{said:?}");
        let results = said.json()["results"].as_object().expect("results").clone();
        results.into_iter().map(|(minion, part)| (minion, part["module"]["version"].clone())).collect()
    }
}

/// The results of a push, by minion.
fn results(said: &Said) -> Value {
    let results = said.json()["results"].as_object().expect("results").clone();
    results.into_iter().map(|(minion, one)| (minion, one["result"].clone())).collect()
}

fn said(child: Child) -> Said {
    child.wait_with_output().expect("ends").into()
}

/// Waits until a file with this ending has begun to grow in a folder, and returns how long it is.
fn await_part(dir: &Path, child: &mut Child) -> u64 {
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        let files = fs::read_dir(dir).into_iter().flatten().flatten();
        let parts = files.filter(|file| file.path().extension().is_some_and(|ending| ending == "part"));
        let length = parts.filter_map(|part| Some(part.metadata().ok()?.len())).max().unwrap_or(0);
        if length > 0 {
            return length;
        }
        assert!(child.try_wait().expect("a child").is_none(), "it was over before its middle was seen");
        assert!(Instant::now() < end, "nothing came to \"{}\"", dir.display());
        std::thread::yield_now();
    }
}

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
fn a_minion_that_is_not_there_holds_a_push_up_and_gets_it_when_it_is_assigned() {
    let mut pushes = Pushes::to(&["web1", "web2"]);
    pushes.fleet.take_minion("web2").kill();
    pushes.fleet.overlord().logged("gone", 1);
    let file = pushes.file("1.0.0", 0);
    let said = pushes.push("*", &file, &[]);
    assert_eq!(said.code, 1, "{said:?}");
    assert_eq!(results(&said), json!({"web1": "not-sent", "web2": "not-connected"}));
    let table = pushes.fleet.run(&["module", "push", "*", file.to_str().expect("text")]);
    assert!(table.out.contains("not connected") && table.out.contains("--partial"), "{table:?}");
    let said = pushes.push("*", &file, &["--partial"]);
    assert_eq!(results(&said), json!({"web1": "active", "web2": "not-connected"}));

    let assigned = pushes.fleet.run(&["module", "assign", "web*", "test@1.0.0", "--json"]);
    assert_eq!(assigned.code, 0, "{assigned:?}");
    assert_eq!(assigned.json()["connected"], json!(["web1"]));
    pushes.fleet.start_empty_minion("web2");
    pushes.await_version("web2", &json!("1.0.0"));
    // One that nobody knew of when it was assigned.
    pushes.join("web3");
    pushes.await_version("web3", &json!("1.0.0"));
    pushes.fleet.await_document(&["module", "assignments", "--json"], |document| {
        let one = &document["assignments"][0];
        one["minions"] == 3 && one["active"] == 3 && one["failures"] == json!({})
    });
    let warned = pushes.push("web1", &pushes.file("2.0.0", 0), &[]);
    assert_eq!(warned.code, 0, "{warned:?}");
    assert!(warned.json()["results"]["web1"]["reason"].to_string().contains("is assigned"), "{warned:?}");
}

#[test]
fn an_assignment_that_is_refused_is_told_and_not_tried_again_until_it_is_repeated() {
    let mut pushes = Pushes::to(&["web1"]);
    let file = fixtures_dir().join("capabilities.wasm");
    let added = pushes.fleet.run(&["module", "add", file.to_str().expect("text"), "--json"]);
    assert_eq!(added.code, 0, "{added:?}");
    let digest = added.json()["digest"].as_str().expect("a digest").to_owned();
    let unknown = pushes.fleet.run(&["module", "assign", "*", "capabilities@9"]);
    assert_eq!(unknown.code, 2, "{unknown:?}");
    assert!(unknown.err.contains(&digest[..12]) && unknown.err.contains("push it first"), "{unknown:?}");

    let assign = ["module", "assign", "*", &format!("capabilities@{}", &digest[..8])];
    assert_eq!(pushes.fleet.run(&assign).code, 0);
    let refused = |document: &Value| {
        document["assignments"][0]["failures"]["web1"].as_str().is_some_and(|why| why.contains("minion.toml"))
    };
    pushes.fleet.await_document(&["module", "assignments", "--json"], refused);
    assert_eq!(pushes.fleet.overlord().count("bringing what is assigned"), 1);

    // A second minion shows when what was to be done at the connection of the first is done.
    pushes.fleet.take_overlord().kill();
    pushes.fleet.start_overlord();
    pushes.fleet.await_connection("web1", 1);
    pushes.join("web2");
    pushes.fleet.overlord().logged("what is assigned is refused", 1);
    assert_eq!(pushes.fleet.overlord().count("bringing what is assigned minion=web1"), 0);
    assert!(
        refused(&pushes.fleet.run(&["module", "assignments", "--json"]).json()),
        "it is told all the same"
    );
    assert_eq!(pushes.fleet.run(&assign).code, 0);
    pushes.fleet.overlord().logged("bringing what is assigned minion=web1", 1);
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
    let file = pushes.file("1.0.0", LARGE);
    let mut push = pushes.spawn_push("*", &file);
    let came = await_part(&pushes.fleet.minion_dir("web1").join("staged"), &mut push);
    pushes.fleet.minion("web1").pause();
    pushes.fleet.take_minion("web1").kill();
    assert!(came < fs::metadata(&file).expect("there").len(), "it died too late");
    pushes.fleet.start_empty_minion("web1");
    let said = said(push);
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(results(&said), json!({"web1": "active", "web2": "active"}));
    assert_eq!(pushes.versions_of_job("*"), json!({"web1": "1.0.0", "web2": "1.0.0"}));
}

#[test]
fn an_upload_that_broke_off_with_its_command_goes_on_with_the_next() {
    let pushes = Pushes::to(&["web1"]);
    let file = pushes.file("1.0.0", LARGE);
    let mut first = pushes.spawn_push("*", &file);
    await_part(&pushes.fleet.overlord_dir().join("modules"), &mut first);
    first.kill().expect("killed");
    first.wait().expect("ended");
    // The overlord sees that it is gone when its connection has been silent for long enough.
    let end = Instant::now() + Duration::from_secs(60);
    let said = loop {
        let said = pushes.push("*", &file, &[]);
        if said.code == 0 || Instant::now() > end {
            break said;
        }
        assert!(said.err.contains("is being pushed by"), "{said:?}");
    };
    assert_eq!(results(&said), json!({"web1": "active"}));
    pushes.fleet.overlord().logged("an upload goes on", 1);
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
