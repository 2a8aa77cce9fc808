//! A fleet to which modules are pushed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::Instant;

use rig::{Fleet, PATIENCE, Said, modules_dir, variant};
use serde_json::Value;

/// A fleet whose minions have no modules, and a folder for those that they get.
pub(crate) struct Pushes {
    pub(crate) fleet: Fleet,
    files: tempfile::TempDir,
}

impl Pushes {
    pub(crate) fn to(names: &[&str]) -> Self {
        let files = tempfile::tempdir().expect("a folder");
        let mut pushes = Self { fleet: Fleet::without_minions(), files };
        for name in names {
            pushes.join(name);
        }
        pushes
    }

    /// One more minion.
    pub(crate) fn join(&mut self, name: &str) {
        self.fleet.enrol(name);
        self.fleet.start_empty_minion(name);
        self.fleet.await_connection(name, 1);
    }

    /// The bundled module in this version, with so many bytes of padding.
    pub(crate) fn file(&self, version: &str, padding: usize) -> PathBuf {
        let dir = self.files.path().join(version);
        fs::create_dir_all(&dir).expect("made");
        variant(&modules_dir().join("test.wasm"), version, padding, &dir)
    }

    pub(crate) fn push(&self, target: &str, file: &Path, more: &[&str]) -> Said {
        let file = file.to_str().expect("text");
        self.fleet.run(&[&["module", "push", target, file, "--json"], more].concat())
    }

    pub(crate) fn spawn_push(&self, target: &str, file: &Path) -> Child {
        self.fleet.spawn(&["module", "push", target, file.to_str().expect("text"), "--json"])
    }

    /// What a minion says that it has in service.
    pub(crate) fn in_service(&self, minion: &str) -> Value {
        let modules = self.fleet.run(&["module", "list", minion, "--json"]).json();
        let modules = rig::named(&modules["minions"], minion)["modules"].as_array().expect("modules").clone();
        let active = modules.iter().find(|module| module["state"] == "active");
        active.map_or(Value::Null, |module| module["version"].clone())
    }

    /// Waits until a minion says that it has this in service.
    pub(crate) fn await_version(&self, minion: &str, version: &Value) {
        let active = |document: &Value| {
            let modules = rig::named(&document["minions"], minion)["modules"].as_array().expect("modules");
            let active = modules.iter().find(|module| module["state"] == "active");
            active.map_or(Value::Null, |module| module["version"].clone()) == *version
        };
        self.fleet.await_document(&["module", "list", minion, "--json"], active);
    }

    pub(crate) fn versions_of_job(&self, target: &str) -> Value {
        let said = self.fleet.run(&["call", target, "test.add", "2", "3", "--json"]);
        assert_eq!(said.code, 0, "{said:?}");
        let results = said.json()["results"].as_object().expect("results").clone();
        results.into_iter().map(|(minion, part)| (minion, part["module"]["version"].clone())).collect()
    }
}

/// The results of a push, by minion.
pub(crate) fn results(said: &Said) -> Value {
    let results = said.json()["results"].as_object().expect("results").clone();
    results.into_iter().map(|(minion, one)| (minion, one["result"].clone())).collect()
}

/// What a command said that was started before.
pub(crate) fn said(child: Child) -> Said {
    child.wait_with_output().expect("ends").into()
}

/// Waits until a file with this ending has begun to grow in a folder, and returns how long it is.
pub(crate) fn await_part(dir: &Path, child: &mut Child) -> u64 {
    let end = Instant::now() + PATIENCE;
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

/// The value of a field in a line of a log.
pub(crate) fn field<'a>(line: &'a str, name: &str) -> &'a str {
    let begin = format!("{name}=");
    let found = line.split_whitespace().find_map(|word| word.strip_prefix(&begin));
    found.unwrap_or_else(|| panic!("no {name} in \"{line}\""))
}
