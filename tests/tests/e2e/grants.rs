//! A module that tries what nobody granted it, on a real minion.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use rig::{Fleet, Said, fixtures_dir};
use serde_json::{Value, json};

/// A minion whose policy has these grants, and a folder with a program that another program obeys.
struct Host {
    fleet: Fleet,
    _folder: tempfile::TempDir,
    root: PathBuf,
}

impl Host {
    fn new(grants: impl Fn(&Path) -> String) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().canonicalize().expect("there");
        fs::create_dir(root.join("app")).expect("made");
        fs::write(root.join("app/obeyed"), "#!/bin/sh\ntouch ran\n").expect("written");
        fs::set_permissions(root.join("app/obeyed"), fs::Permissions::from_mode(0o755)).expect("set");
        let mut fleet = Fleet::without_minions();
        fleet.enrol("web1");
        fs::write(fleet.minion_dir("web1").join("minion.toml"), grants(&root)).expect("written");
        fleet.start_minion_with("web1", &fixtures_dir());
        fleet.await_connection("web1", 1);
        Self { fleet, _folder: folder, root }
    }

    fn run(&self, options: &[&str], command: &Value) -> Said {
        let command = command.to_string();
        let words = [&["call", "web1", "--json"], options, &["capabilities.run", &command]].concat();
        self.fleet.run(&words)
    }

    fn denied(&self) -> Vec<String> {
        let log = fs::read_to_string(self.fleet.minion_dir("web1").join("audit.jsonl")).expect("a log");
        let entries = log.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
        entries.filter_map(|entry| entry["attempt"].as_str().map(str::to_owned)).collect()
    }
}

#[test]
fn a_program_is_not_steered_by_what_its_grant_does_not_name() {
    // As it was written before there were folders in grants.
    let host = Host::new(|_| {
        "[modules.capabilities]\nfacts = [\"*\"]\nkv = { quota = \"1KiB\" }\n\
         process = [{ command = \"sh\", args = [\"-c\", \"./obeyed\"], read-only = true }, \
                    { command = \"sort\", args = [\"/dev/null\", \"*\"], read-only = true }]\n"
            .to_owned()
    });
    let (app, made) = (host.root.join("app"), host.root.join("made"));
    let output = format!("--output={}", made.display());
    let steered = [
        (
            json!({"argv": ["sort", "/dev/null", output], "env": []}),
            format!("args = [\"/dev/null\", \"{output}\"]"),
        ),
        (
            json!({"argv": ["sh", "-c", "./obeyed"], "env": [], "cwd": app}),
            "to `cwd` of the grant".to_owned(),
        ),
        (
            json!({"argv": ["sh", "-c", "./obeyed"], "env": [["PATH", "."]]}),
            "to `env` of the grant".to_owned(),
        ),
    ];
    for options in [&[][..], &["--dry-run"]] {
        for (command, line) in &steered {
            let said = host.run(options, command);
            assert!(said.code == 1 && said.out.contains("denied"), "{said:?}");
            assert!(said.out.replace('\\', "").contains(line.as_str()), "{line} is not in {said:?}");
        }
    }
    assert!(!made.exists() && !app.join("ran").exists());
    assert_eq!(host.denied().len(), 6, "{:?}", host.denied());
}

#[test]
fn a_dry_run_runs_nothing_in_a_folder_that_the_module_may_write() {
    let host = Host::new(|root| {
        let app = root.join("app").display().to_string();
        format!(
            "[modules.capabilities]\nfacts = [\"*\"]\nkv = {{ quota = \"1KiB\" }}\n\
             process = [{{ command = \"sh\", args = [\"-c\", \"./obeyed\"], cwd = [{app:?}], read-only = true }}]\n\
             files = [{{ host = {app:?}, mode = \"rw\" }}]\n"
        )
    });
    let command = json!({"argv": ["sh", "-c", "./obeyed"], "env": [], "cwd": host.root.join("app")});
    let said = host.run(&["--dry-run"], &command);
    assert!(said.out.contains("run sh -c ./obeyed") && !host.root.join("app/ran").exists(), "{said:?}");
    let said = host.run(&[], &command);
    assert!(said.code == 0 && host.root.join("app/ran").exists(), "{said:?}");
}
