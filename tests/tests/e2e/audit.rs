//! What a guest may cause to be written, and the audit log that it is written into.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::Command;

use audit_log::{Verified, audit_files};
use rig::{Fleet, fixtures_dir, said};
use serde_json::Value as Json;
use tempfile::TempDir;

/// A minion with the module that does what a host must survive.
struct Flooded {
    fleet: Fleet,
    modules: TempDir,
}

impl Flooded {
    fn start(policy: &str) -> Self {
        let modules = tempfile::tempdir().expect("a folder");
        fs::copy(fixtures_dir().join("hostile.wasm"), modules.path().join("hostile.wasm")).expect("copied");
        let mut flooded = Self { fleet: Fleet::without_minions(), modules };
        flooded.fleet.enrol("web1");
        let policy = format!("{policy}\n[modules.hostile]\nlimits = {{ cpu = \"5m\", wall = \"10m\" }}\n");
        fs::write(flooded.fleet.minion_dir("web1").join("minion.toml"), policy).expect("written");
        flooded.serve(1);
        flooded
    }

    fn serve(&mut self, nth: usize) {
        self.fleet.start_minion_with("web1", self.modules.path());
        self.fleet.await_connection("web1", nth);
    }

    /// Runs a job that tries so many times what it may not. Returns its id.
    fn flood(&self, times: u32) -> String {
        let times = times.to_string();
        let words = ["call", "web1", "hostile.flood-denied", &times, "--timeout", "10m", "--json"];
        let job = self.fleet.run(&words).json();
        assert_eq!(job["results"]["web1"]["value"], 0, "{job:#}");
        job["job"].as_str().expect("an id").to_owned()
    }

    fn path(&self) -> PathBuf {
        self.fleet.minion_dir("web1").join("audit.jsonl")
    }

    /// What the log has of a job, over all its files.
    fn entries(&self, job: &str) -> Vec<Json> {
        let files = audit_files(&self.path()).expect("a log");
        let text: String = files.iter().map(|file| fs::read_to_string(file).expect("read")).collect();
        let entries = text.lines().map(|line| serde_json::from_str::<Json>(line).expect("JSON"));
        entries.filter(|entry| entry["job"] == job).collect()
    }
}

/// The most bytes of the audit log that one job may take.
const ROOM: usize = 256 << 10;

#[test]
fn what_one_job_may_cause_to_be_written_is_capped_and_counted() {
    const TIMES: u32 = 20_000;
    let flooded = Flooded::start("");
    let minion = flooded.fleet.minion("web1");
    let job = flooded.flood(TIMES);
    let entries = flooded.entries(&job);
    let denied = entries.iter().filter(|entry| entry["event"] == "capability-denied").count();
    assert!((100..=1000).contains(&denied), "{denied}");
    // With its decision and its outcome, and how much is not there.
    let events: Vec<&str> = entries.iter().filter_map(|entry| entry["event"].as_str()).collect();
    assert_eq!((events[0], &events[events.len() - 2..]), ("call", &["left-out", "outcome"][..]));
    let left_out = &entries[entries.len() - 2];
    assert_eq!(left_out["entries"], TIMES as usize - denied, "{left_out}");
    let message = left_out["message"].as_str().expect("text");
    assert!(message.starts_with(&format!("left out {}", TIMES as usize - denied)), "{message}");
    assert!(fs::metadata(flooded.path()).expect("there").len() < 2 * ROOM as u64);
    let told = minion.logged("left out", 1);
    let logged = minion.count("tried what policy does not grant");
    assert!(
        logged <= 100 && told.contains(&format!("lines={}", TIMES as usize - logged)),
        "{logged}: {told}"
    );

    // The next job has its own room.
    let next = flooded.flood(3);
    assert_eq!(flooded.entries(&next).len(), 5);
    Verified::check(&flooded.path()).expect("whole");
}

#[test]
fn the_audit_log_goes_on_in_other_files_and_its_chain_over_kills() {
    const SIZE: u64 = 64 << 10;
    let mut flooded = Flooded::start(&format!("[audit]\nsize = \"{SIZE}B\"\nfiles = 2\n"));
    for life in 1..=3 {
        let jobs: Vec<String> = (0..3).map(|_| flooded.flood(500)).collect();
        let files = audit_files(&flooded.path()).expect("a log");
        assert_eq!(files.len(), 3, "{files:?}");
        let sizes = files.iter().map(|file| fs::metadata(file).expect("there").len());
        assert!(sizes.clone().all(|size| size < SIZE + 4096), "{:?}", sizes.collect::<Vec<_>>());
        let verified = Verified::check(&flooded.path()).expect("whole");
        assert!(verified.gone > 0, "{verified:?}");
        assert_eq!(flooded.entries(&jobs[2]).last().expect("there")["event"], "outcome");
        flooded.fleet.take_minion("web1").kill();
        flooded.serve(life + 1);
    }
    Verified::check(&flooded.path()).expect("whole");
}

/// The entries that `overlord audit` shows with these flags.
fn shown(fleet: &Fleet, flags: &[&str]) -> Vec<Json> {
    let document = fleet.run(&[&["audit", "--json"], flags].concat()).json();
    document["entries"].as_array().expect("entries").clone()
}

#[test]
fn an_overlord_notes_who_called_what_and_how_it_ended() {
    let fleet = Fleet::start(&["web1", "db1"]);
    let call = fleet.run(&["call", "web*", "test.echo-string", "hello", "--json"]).json();
    let job = call["job"].as_str().expect("an id");
    let is_there = |event: &str, entries: &Json| {
        entries["entries"]
            .as_array()
            .is_some_and(|entries| entries.iter().any(|entry| entry["event"] == event && entry["job"] == job))
    };
    fleet.await_document(&["audit", "--json"], |entries| is_there("outcome", entries));
    let entries = shown(&fleet, &["--method", "test.*", "--minion", "web?", "--decision", "allowed"]);
    let [entry] = entries.as_slice() else { panic!("{entries:#?}") };
    assert_eq!(
        (&entry["event"], &entry["job"], &entry["target"]),
        (&"call".into(), &job.into(), &"web*".into())
    );
    assert_eq!(entry["minions"], serde_json::json!(["web1"]));
    assert_eq!(entry["arguments"].as_object().and_then(|given| given.values().next()), Some(&"hello".into()));
    assert!(entry["operator"].is_string() && entry["time"].is_string(), "{entry:#}");
    // Of a minion that nobody called, there is how it came in alone.
    let of_other = shown(&fleet, &["--minion", "db1"]);
    let events: Vec<_> = of_other.iter().filter_map(|entry| entry["event"].as_str()).collect();
    assert!(events.contains(&"invited") && !events.contains(&"call"), "{of_other:#?}");
    assert!(shown(&fleet, &["--method", "test.*", "--since", "2099-01-01"]).is_empty());
    // Who looks is noted, too.
    let looks = shown(&fleet, &[]).iter().filter(|entry| entry["event"] == "audit-read").count();
    assert!(looks >= 4, "{looks}");
    let table = fleet.run(&["audit", "--method", "test.echo*"]);
    assert!(table.out.contains("method=test.echo-string  target=web*  minions=web1"), "{table:?}");
    let bad = fleet.run(&["audit", "--operator", "ann["]);
    assert!(bad.code == 2 && bad.err.contains("\"ann[\" is not a glob"), "{bad:?}");
}

#[test]
fn both_programs_find_what_was_altered_and_a_head_finds_what_was_cut_off() {
    let fleet = Fleet::start(&["web1"]);
    for _ in 0..3 {
        assert_eq!(fleet.run(&["call", "web1", "test.ping"]).code, 0);
    }
    let logs: [(_, &dyn Fn() -> Command); 2] = [
        (fleet.overlord_dir().join("audit.jsonl"), &|| fleet.overlord_command()),
        (fleet.minion_dir("web1").join("audit.jsonl"), &|| fleet.minion_command("web1")),
    ];
    for (path, command) in logs {
        let verify = |more: &[&str]| said(command().args(["audit", "verify"]).args(more));
        let whole = verify(&["--json"]);
        assert_eq!(whole.code, 0, "{whole:?}");
        let head = whole.json()["head"].as_str().expect("a head").to_owned();
        let text = fs::read_to_string(&path).expect("read");
        let lines: Vec<&str> = text.lines().collect();

        fs::write(&path, text.replacen("test.ping", "test.pong", 1)).expect("written");
        let altered = verify(&[]);
        assert!(
            altered.code == 1 && altered.err.contains("does not follow from the one before"),
            "{altered:?}"
        );

        fs::write(&path, lines[..lines.len() - 1].join("\n") + "\n").expect("written");
        assert_eq!(verify(&[]).code, 0);
        let cut = verify(&["--head", &head]);
        assert!(cut.code == 1 && cut.err.contains("entries were cut off its end"), "{cut:?}");

        fs::write(&path, &text).expect("written");
        assert_eq!(verify(&["--head", &head]).code, 0);
    }
}

#[test]
fn entries_are_followed_as_they_are_added() {
    let fleet = Fleet::start(&["web1"]);
    let mut following = fleet.spawn(&["audit", "--follow", "--json", "--method", "test.*"]);
    let mut lines = BufReader::new(following.stdout.take().expect("a pipe")).lines();
    for word in ["one", "two"] {
        let call = fleet.run(&["call", "web1", "test.echo-string", word]);
        assert_eq!(call.code, 0, "{call:?}");
        let line = lines.next().expect("a line").expect("text");
        let entry: Json = serde_json::from_str(&line).expect("JSON");
        assert!(entry["event"] == "call" && line.contains(word), "{line}");
    }
    following.kill().expect("there");
    following.wait().expect("ended");
}
