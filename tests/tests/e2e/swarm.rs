//! Many minions in one process.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;

use rig::{Daemon, Fleet, bundled_dir, fixtures_dir, modules_dir, named};
use tempfile::TempDir;

const COUNT: usize = 50;
const ALL: &str = "50 of 50 minions are connected";

/// An overlord and a swarm of it, whose jobs of the module `files` can be made to wait.
struct Swarmed {
    fleet: Fleet,
    folder: TempDir,
}

impl Swarmed {
    /// The overlord, with a token for all that are to come.
    fn prepared() -> (Self, String) {
        let (fleet, folder) = (Fleet::without_minions(), tempfile::tempdir().expect("a folder"));
        let swarmed = Self { fleet, folder };
        fs::create_dir(swarmed.modules()).expect("made");
        for (dir, module) in
            [(fixtures_dir(), "files.wasm"), (fixtures_dir(), "hostile.wasm"), (modules_dir(), "test.wasm")]
        {
            fs::copy(dir.join(module), swarmed.modules().join(module)).expect("copied");
        }
        fs::create_dir(swarmed.data()).expect("made");
        let dir = swarmed.fleet.minion_dir("swarm");
        fs::create_dir_all(&dir).expect("made");
        let policy = format!(
            "[limits]\nheld = \"4GiB\"\n[modules.files]\nfiles = [{{ host = \"{}\", guest = \"/data\", mode = \"rw\" }}]\n\
             limits = {{ wall = \"10m\", jobs = 1000 }}\n[modules.test]\nlimits = {{ jobs = 1000 }}\n\
             [modules.hostile]\nlimits = {{ output = \"8MiB\" }}\n",
            swarmed.data().display()
        );
        fs::write(dir.join("minion.toml"), policy).expect("written");
        let uses = COUNT.to_string();
        let invited = swarmed.fleet.run(&["minion", "invite", "web*", "--uses", &uses, "--json"]).json();
        let token = invited["token"].as_str().expect("a token").to_owned();
        (swarmed, token)
    }

    fn start(&self, token: Option<&str>) -> Daemon {
        let mut command = self.fleet.minion_command("swarm");
        command
            .args(["swarm", "--name", "web", "--count", &COUNT.to_string(), "--modules"])
            .arg(self.modules());
        if let Some(token) = token {
            command.args(["--token", token]);
        }
        let daemon = Daemon::start("swarm", &mut command);
        daemon.logged(ALL, 1);
        daemon
    }

    fn modules(&self) -> PathBuf {
        self.folder.path().join("modules")
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// How many jobs of the module `files` have begun on all minions together.
    fn begun(&self) -> usize {
        fs::read_to_string(self.data().join("log")).unwrap_or_default().lines().count()
    }

    /// How many minions of these answer a call.
    fn answers(&self, target: &str) -> u64 {
        let called = self.fleet.run(&["call", target, "test.add", "2", "3", "--json", "--yes"]);
        assert_eq!(called.code, 0, "{called:?}");
        called.json()["counts"]["ok"].as_u64().expect("a number")
    }
}

#[test]
fn a_swarm_comes_back_from_a_kill_with_its_minions_and_runs_no_job_twice() {
    let (swarmed, token) = Swarmed::prepared();
    let fleet = &swarmed.fleet;
    let swarm = swarmed.start(Some(&token));
    assert_eq!(swarmed.answers("*"), COUNT as u64);
    assert_eq!(swarmed.answers("web1,web11,web50"), 3);
    let facts = fleet.run(&["facts", "web7", "--json"]).json();
    assert_eq!(named(&facts["minions"], "web7")["facts"]["minion.name"], "web7");

    let method = ["files.append-and-await", "/data/log", "begun", "/data/go"];
    let waits = fleet.run(&[&["call", "*", "--nowait", "--yes"][..], &method].concat());
    assert_eq!(waits.code, 0, "{waits:?}");
    let job = waits.out.trim();
    fleet.await_job(job, |_| swarmed.begun() == COUNT);
    swarm.kill();
    // Not the token, which is used up: they are who they were.
    let swarm = swarmed.start(None);
    fleet.await_job(job, |job| job["counts"]["interrupted"] == COUNT);
    assert_eq!(swarmed.begun(), COUNT, "a job ran twice");
    assert_eq!(swarmed.answers("*"), COUNT as u64);

    let revoked = fleet.run(&["minion", "revoke", "web7"]);
    assert_eq!(revoked.code, 0, "{revoked:?}");
    swarm.logged("49 of 50 minions are connected", 1);
    assert_eq!(swarmed.answers("*"), COUNT as u64 - 1);
    swarm.stop();
    fleet.await_document(&["status", "--json"], |status| status["connected_count"] == 0);
}

#[test]
fn what_a_swarm_cannot_do_is_refused_and_what_it_lacks_is_named() {
    let (swarmed, token) = Swarmed::prepared();
    let fleet = &swarmed.fleet;
    let mut without = fleet.minion_command("swarm");
    without.args(["swarm", "--name", "web", "--count", "50"]);
    let refused = rig::refused_start(&mut without);
    assert!(refused.err.contains("overlord minion invite 'web*' --uses 50"), "{refused:?}");

    let swarm = swarmed.start(Some(&token));
    let back = fleet.run(&["module", "rollback", "web1,web2", "test"]);
    assert_ne!(back.code, 0, "{back:?}");
    assert!(back.out.contains("is one of a swarm") || back.err.contains("is one of a swarm"), "{back:?}");
    let status = rig::said(fleet.minion_command("swarm").arg("status"));
    assert!(status.code != 0 && status.err.contains("overlord minion list"), "{status:?}");

    // One file is a push to all of them, and what is granted holds for all.
    fs::copy(bundled_dir().join("system.wasm"), swarmed.modules().join("system.wasm")).expect("copied");
    let listed = ["module", "list", "*", "--json"];
    let knows = |minion: &serde_json::Value| {
        minion["modules"].as_array().is_some_and(|list| list.iter().any(|it| it["name"] == "system"))
    };
    fleet.await_document(&listed, |list| {
        list["minions"].as_array().is_some_and(|all| all.len() == COUNT && all.iter().all(knows))
    });
    let granted = rig::said(fleet.minion_command("swarm").args(["grant", "system:read", "--yes", "--json"]));
    assert_eq!(granted.json()["reload"]["reloaded"], true, "{granted:?}");
    let called = fleet.run(&["call", "*", "system.info", "--json", "--yes"]);
    assert_eq!(called.json()["counts"]["ok"], COUNT, "{called:?}");

    // Each entry of the one audit log says whose it is.
    let audit = fs::read_to_string(fleet.minion_dir("swarm").join("audit.jsonl")).expect("read");
    let calls = audit.lines().filter(|line| line.contains("\"event\":\"call\"") && line.contains("web42"));
    assert_eq!(calls.count(), 1);
    swarm.stop();
}

#[test]
fn large_results_of_many_minions_cost_the_disk_and_not_the_memory() {
    const LENGTH: usize = 4 << 20;
    /// What has room on its way and what is decoded, and what the ledger keeps until it has written it, in bytes: as much for
    /// any number of minions.
    const OVERLORD_MAY_TAKE: u64 = 160 << 20;
    const COMMAND_MAY_TAKE: u64 = 96 << 20;
    /// That all results go again.
    const PURGE_MAY_TAKE: u64 = 64 << 20;
    let (mut swarmed, token) = Swarmed::prepared();
    let fleet = &swarmed.fleet;
    let swarm = swarmed.start(Some(&token));
    assert_eq!(swarmed.answers("*"), COUNT as u64);
    let before = fleet.overlord().resident_bytes();
    let mut call = fleet.spawn(&["call", "*", "hostile.huge-text", "4", "--yes", "--jsonl"]);
    let pid = call.id();
    let mut lines = BufReader::new(call.stdout.take().expect("piped")).lines().map_while(Result::ok);
    let (mut long, mut taken) = (0, 0);
    let summary = loop {
        let line = lines.next().expect("a summary at the end");
        taken = rig::peak_bytes(pid).unwrap_or(taken);
        if line.starts_with(r#"{"summary""#) {
            break line;
        }
        long += usize::from(line.len() > LENGTH);
    };
    let output = call.wait_with_output().expect("ends");
    assert!(output.status.success(), "{summary} {output:?}");
    assert_eq!(long, COUNT, "{summary}");
    let grown = fleet.overlord().peak_bytes().saturating_sub(before);
    println!("{grown} bytes more on the overlord, {taken} for the command");
    assert!(grown < OVERLORD_MAY_TAKE, "{grown} bytes more on the overlord");
    assert!(taken < COMMAND_MAY_TAKE, "{taken} bytes for the command");
    swarm.stop();

    fs::write(fleet.overlord_dir().join("overlord.toml"), "[retention]\nsize = \"1KiB\"\n").expect("written");
    swarmed.fleet.take_overlord().stop();
    swarmed.fleet.start_overlord();
    let overlord = swarmed.fleet.overlord();
    let before = overlord.resident_bytes();
    overlord.logged("purged finished jobs", 1);
    let grown = overlord.peak_bytes().saturating_sub(before);
    println!("{grown} bytes more for the purge");
    assert!(grown < PURGE_MAY_TAKE, "{grown} bytes more for the purge");
}
