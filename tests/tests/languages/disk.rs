//! The module `disk`, which is the same in every language.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use rig::{Fleet, LANGUAGES, Said, binary, example};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A minion with the module in every language whose tools are here, and a granted folder.
struct Disks {
    fleet: Fleet,
    modules: Vec<String>,
    folder: TempDir,
}

impl Disks {
    /// One for all tests that run at the same time: compiling the modules takes longer than running them.
    fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<Disks>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        shared.upgrade().unwrap_or_else(|| {
            let disks = Arc::new(Self::start());
            *shared = Arc::downgrade(&disks);
            disks
        })
    }

    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (data, modules) = (folder.path().join("data"), folder.path().join("modules"));
        fill(&data);
        fs::create_dir(&modules).expect("made");
        let mut names = Vec::new();
        let mut cache = None;
        for language in LANGUAGES {
            let Some(example) = example(language) else { continue };
            let name = format!("disk-{language}");
            fs::copy(&example.file, modules.join(&name).with_extension("wasm")).expect("copied");
            cache = Some(example.file.with_file_name("compiled"));
            names.push(name);
        }
        let mut fleet = Fleet::without_minions();
        fleet.enrol("web1");
        let policy = format!(
            "[modules.\"disk-*\"]\nfiles = [{{ host = \"{}\", guest = \"/data\", mode = \"ro\" }}]\n\
             limits = {{ cpu = \"1h\", wall = \"1h\" }}\n",
            data.display()
        );
        fs::write(fleet.minion_dir("web1").join("minion.toml"), policy).expect("written");
        if let Some(cache) = cache {
            // What was compiled the last time is still good.
            symlink_to(&cache, &fleet.minion_dir("web1").join("cache"));
        }
        fleet.start_minion_with("web1", &modules);
        fleet.await_connection("web1", 1);
        fleet.await_document(&["module", "list", "--json"], |listed| {
            let modules = rig::named(&listed["minions"], "web1")["modules"].as_array().expect("a list");
            modules.iter().filter(|module| module["state"] == "active").count() == names.len()
        });
        Self { fleet, modules: names, folder }
    }

    /// Calls a method of each module, and gives back what became of it.
    fn call(&self, method: &str, arguments: &[&str]) -> Vec<(&str, Value)> {
        let call = |module: &String| {
            let method = format!("{module}.{method}");
            self.fleet.run(&[&["call", "web1", "--json", &method], arguments].concat()).json()
        };
        self.modules.iter().map(|module| (module.as_str(), call(module)["results"]["web1"].clone())).collect()
    }

    /// Starts a job of each module, and gives back their ids.
    fn start_jobs(&self, method: &str, arguments: &[&str]) -> Vec<(&str, String)> {
        let start = |module: &String| {
            let method = format!("{module}.{method}");
            let said = self.fleet.run(&[&["call", "web1", "--nowait", &method], arguments].concat());
            assert_eq!(said.code, 0, "{said:?}");
            said.out.trim().to_owned()
        };
        self.modules.iter().map(|module| (module.as_str(), start(module))).collect()
    }

    /// Cancels jobs and asserts how they end.
    fn cancel(&self, jobs: Vec<(&str, String)>, outcome: &str) {
        for (_, id) in &jobs {
            let cancelled = self.fleet.run(&["job", "cancel", id]);
            assert_eq!(cancelled.code, 0, "{cancelled:?}");
        }
        for (module, id) in jobs {
            let waited = self.fleet.run(&["job", "wait", &id, "--json"]);
            assert_eq!(waited.json()["results"]["web1"]["outcome"], outcome, "{module}: {waited:?}");
        }
    }
}

/// Three files of 1,034 bytes in all, in folders, with what must not be counted between them.
fn fill(data: &Path) {
    fs::create_dir_all(data.join("logs/old")).expect("made");
    fs::create_dir_all(data.join("empty")).expect("made");
    fs::write(data.join("grüße.txt"), "hello, you").expect("written");
    fs::write(data.join("logs/today.log"), [b'x'; 1000]).expect("written");
    fs::write(data.join("logs/old/yesterday.log"), [b'y'; 24]).expect("written");
    symlink("logs", data.join("link")).expect("linked");
    symlink("nowhere", data.join("logs/dangling")).expect("linked");
}

fn symlink_to(target: &Path, link: &Path) {
    fs::create_dir_all(target).expect("made");
    symlink(target, link).expect("linked");
}

#[test]
fn a_check_shows_the_same_documentation_whatever_the_language() {
    let disks = Disks::shared();
    for module in &disks.modules {
        let file = disks.folder.path().join("modules").join(module).with_extension("wasm");
        let check = |arguments: &[&str]| {
            let mut command = Command::new(binary("minion"));
            command.arg("check").arg(&file).args(arguments).env("MINION_DIR", disks.folder.path());
            Said::from(command.output().expect("runs"))
        };
        let said = check(&[]);
        assert_eq!(said.code, 0, "{said:?}");
        for text in [
            "How much space folders of the host take up.",
            "0.1.0",
            "Adds up the files in folders and in all folders below them.",
            "- `threshold`: how many bytes each path may hold",
            "usage(paths: list<string>, threshold: option<u64>)",
            "this host would run it",
        ] {
            assert!(said.out.contains(text), "{module} has no \"{text}\": {}", said.out);
        }
        let module = &check(&["--json"]).json()["module"];
        let methods: Vec<_> = module["methods"].as_array().expect("methods").iter().collect();
        let names: Vec<_> = methods.iter().map(|method| method["name"].as_str().expect("a name")).collect();
        assert_eq!(names, ["greet", "usage", "watch", "explode", "spin"]);
        assert!(methods.iter().all(|method| method["docs"].is_string()), "{module}");
    }
}

#[test]
fn the_same_folder_gives_the_same_report_in_every_language() {
    let disks = Disks::shared();
    let report = json!({
        "entries": [
            { "path": "/data", "files": 3, "bytes": 1034, "over": false },
            { "path": "/data/empty", "files": 0, "bytes": 0, "over": false },
        ],
        "total": 1034,
        "warnings": [],
    });
    for (module, result) in disks.call("usage", &[r#"["/data", "/data/empty"]"#, "5000"]) {
        assert_eq!(result["outcome"], "ok", "{module}: {result}");
        // As text, in which the order of the fields and the form of the numbers count too.
        assert_eq!(result["value"].to_string(), report.to_string(), "{module}");
    }
    for (module, result) in disks.call("greet", &["grüße\u{1f44b}"]) {
        assert_eq!(result["value"], "hello, grüße\u{1f44b}", "{module}");
    }
}

#[test]
fn the_same_mistake_gives_the_same_error_in_every_language() {
    let disks = Disks::shared();
    let over = json!({ "over": {
        "entries": [{ "path": "/data/logs", "files": 2, "bytes": 1024, "over": true }],
        "total": 1024,
        "warnings": [],
    } });
    for (paths, threshold, error) in [
        (r#"["/data/logs"]"#, "1023", over),
        (r#"["/data", "/data/none"]"#, "none", json!({ "not-found": "/data/none" })),
        (r#"["/etc"]"#, "none", json!({ "not-found": "/etc" })),
        (r#"["data"]"#, "none", json!({ "not-found": "data" })),
        (r#"["/data/logs/today.log"]"#, "none", json!({ "not-a-folder": "/data/logs/today.log" })),
    ] {
        let results = disks.call("usage", &[paths, threshold]);
        for (module, result) in &results {
            assert_eq!(result["outcome"], "error", "{module}: {result}");
            assert_eq!(result["error"]["value"].to_string(), error.to_string(), "{module}");
            assert_eq!(result["error"]["message"], results[0].1["error"]["message"], "{module}");
        }
    }
}

#[test]
fn a_job_in_any_language_shows_how_far_it_is_and_ends_when_it_is_cancelled() {
    let disks = Disks::shared();
    let jobs = disks.start_jobs("watch", &["/data", "1000000"]);
    for (_, id) in &jobs {
        let expected = json!({ "done": 1034, "total": 1000000, "note": "/data" });
        disks.fleet.await_job(id, |job| job["results"]["web1"]["progress"] == expected);
    }
    disks.cancel(jobs, "cancelled");
}

#[test]
fn a_job_in_any_language_ends_by_itself_when_what_it_waits_for_is_there() {
    let disks = Disks::shared();
    for (module, result) in disks.call("watch", &["/data", "1034"]) {
        assert_eq!(
            (&result["outcome"], &result["value"]),
            (&json!("ok"), &json!(1034)),
            "{module}: {result}"
        );
    }
}

#[test]
fn a_job_in_any_language_that_does_not_listen_is_killed() {
    let disks = Disks::shared();
    let jobs = disks.start_jobs("spin", &[]);
    for (_, id) in &jobs {
        disks.fleet.await_job(id, |job| job["results"]["web1"]["state"] == "running");
    }
    disks.cancel(jobs, "killed");
}

#[test]
fn the_last_words_of_a_bug_in_any_language_are_in_the_outcome() {
    let disks = Disks::shared();
    for (module, result) in disks.call("explode", &["the \"flux\" capacitor is gone"]) {
        assert_eq!(result["outcome"], "trapped", "{module}: {result}");
        let message = result["error"]["message"].as_str().expect("a message");
        assert!(message.contains("the \"flux\" capacitor is gone"), "{module}: {message}");
    }
}
