//! Measurements that start, kill and clear away daemons of their own.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rig::{Said, binary, fixtures_dir, modules_dir, until};
use serde_json::Value;

use crate::helps::Helps;
use crate::json::Vocabulary;

/// A run of `overlord bench`, in a folder for temporary files of its own.
struct Run {
    temporary: tempfile::TempDir,
    child: Child,
}

impl Run {
    fn crash(kills: &str, modules: &Path) -> Self {
        let mut command = Command::new(binary("overlord"));
        command.args(["bench", "crash", "--kills", kills, "--minions", "2", "--seed", "5", "--json"]);
        command.arg("--modules").arg(modules);
        Self::start(command)
    }

    /// Anything else that is measured, with the module `test`.
    fn of(arguments: &[&str]) -> Self {
        let mut command = Command::new(binary("overlord"));
        command.arg("bench").args(arguments).arg("--json");
        if arguments[0] != "ledger" {
            command.arg("--modules").arg(modules_dir());
        }
        Self::start(command)
    }

    fn start(mut command: Command) -> Self {
        let temporary = tempfile::tempdir().expect("a folder");
        command.env("TMPDIR", temporary.path());
        command.env_remove("OVERLORD_DIR").env_remove("OVERLORD_ADDRESS").env_remove("RUST_LOG");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Self { child: command.spawn().expect("starts"), temporary }
    }

    /// Waits until the first guest has done something.
    fn await_a_line(&mut self) {
        until(|| {
            let ended = self.child.try_wait().expect("ours");
            assert!(ended.is_none(), "it ended before any guest wrote a line: {ended:?}");
            let has_written = self.below().iter().any(|dir| dir.join("web2/granted/lines").exists());
            if has_written { Ok(()) } else { Err("no guest has written a line".to_owned()) }
        });
    }

    /// The folders that it has made.
    fn below(&self) -> Vec<PathBuf> {
        self.temporary.path().read_dir().expect("there").flatten().map(|entry| entry.path()).collect()
    }

    /// What it says, once it has ended and is seen to have left nothing behind.
    fn end(self) -> Said {
        let said = Said::from(self.child.wait_with_output().expect("ours"));
        let left = self.temporary.path().read_dir().expect("there").count();
        assert_eq!(left, 0, "files are left behind: {said:?}");
        let processes = processes_of(self.temporary.path());
        assert!(processes.is_empty(), "processes are left behind: {processes:?} of {said:?}");
        said
    }
}

/// The processes that were started with this folder for temporary files.
fn processes_of(temporary: &Path) -> Vec<PathBuf> {
    let variable = format!("TMPDIR={}", temporary.display());
    let of_ours = |process: &PathBuf| {
        let environment = std::fs::read(process.join("environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|entry| entry == variable.as_bytes())
    };
    let all = Path::new("/proc").read_dir().expect("there").flatten().map(|entry| entry.path());
    all.filter(of_ours).collect()
}

#[test]
fn every_promise_is_kept_under_kills_and_every_effect_happens_as_often_as_it_is_said_to() {
    let said = Run::crash("12", &modules_dir()).end();
    assert_eq!(said.code, 0, "{said:?}");
    let found = said.json();
    keeps_to_the_page(&found);
    assert_eq!(found["violations"], serde_json::json!([]));
    assert_eq!((&found["seed"], &found["kills"]["total"]), (&5.into(), &12.into()), "{found:#}");
    // The calls after the last kill alone are ten on each of two minions.
    let (ok, lines) = (found["counts"]["ok"].as_u64(), found["lines"].as_u64());
    assert!(ok >= Some(20) && lines >= ok, "{found:#}");
}

#[test]
fn a_crash_run_that_is_interrupted_leaves_nothing_behind() {
    let mut run = Run::crash("100000", &modules_dir());
    run.await_a_line();
    assert!(!processes_of(run.temporary.path()).is_empty(), "the daemons cannot be seen from here");
    kill(Pid::from_raw(run.child.id() as i32), Signal::SIGINT).expect("sent");
    let said = run.end();
    assert_eq!(said.code, 130, "{said:?}");
}

#[test]
fn a_crash_run_without_the_method_that_it_calls_says_so_and_leaves_nothing_behind() {
    let said = Run::crash("1", &fixtures_dir()).end();
    assert_ne!(said.code, 0, "{said:?}");
    assert!(said.err.contains("no targeted minion has a module \"test\""), "{said:?}");
}

/// A document of a measurement that went well. What stands at its top also stands in one of its rows.
fn measured(arguments: &[&str]) -> Value {
    let said = Run::of(arguments).end();
    assert_eq!(said.code, 0, "{said:?}");
    let found = said.json();
    keeps_to_the_page(&found);
    assert_eq!(found["bench"], arguments[0]);
    found
}

#[track_caller]
fn keeps_to_the_page(found: &Value) {
    let mut breaches = Vec::new();
    Vocabulary::read().breaches("overlord bench", found, &mut breaches);
    assert!(breaches.is_empty(), "{breaches:#?}");
}

/// The rows of a report that are of this, of which there must be some. Every figure is one.
#[track_caller]
fn rows<'r>(found: &'r Value, what: &str) -> Vec<&'r Value> {
    let rows = found["measured"].as_array().expect("rows").iter().filter(|row| row["what"] == what);
    let rows: Vec<&Value> = rows.collect();
    assert!(!rows.is_empty(), "nothing is said of {what}: {found:#}");
    for row in &rows {
        let figures = [&row["ms"], &row["bytes"]].into_iter().find_map(Value::as_object).expect("figures");
        assert!(figures.values().all(|figure| figure.as_f64() >= Some(0.0)), "{row:#}");
    }
    rows
}

/// A row that was compared with its floor, which took some time or room.
#[track_caller]
fn is_compared(row: &Value) {
    let floor = [&row["floor_ms"], &row["floor_bytes"]].into_iter().find_map(Value::as_object);
    let floor = floor.unwrap_or_else(|| panic!("there is no floor: {row:#}"));
    assert!(floor.values().any(|figure| figure.as_f64() > Some(0.0)), "{row:#}");
    assert!(row["ratio"].as_f64() > Some(0.0), "{row:#}");
}

#[test]
fn calls_are_measured_beside_their_parts_with_as_many_at_once_as_asked_for() {
    let found = measured(&["call", "--calls", "20", "--in-flight", "1,4"]);
    for what in ["sync", "durable", "ping"] {
        let rows = rows(&found, what);
        let at_once: Vec<&Value> = rows.iter().map(|row| &row["at_once"]).collect();
        assert_eq!(at_once, [1, 4]);
        for row in rows {
            is_compared(row);
            assert!(row["ms"]["p50"].as_f64() <= row["ms"]["p99_9"].as_f64(), "{row:#}");
            assert!(row["rate"].as_f64() > Some(0.0) && row["rate_ratio"].as_f64() > Some(0.0), "{row:#}");
        }
    }
    let parts: Vec<&Value> =
        found["floors"].as_array().expect("rows").iter().map(|row| &row["what"]).collect();
    assert_eq!(parts, ["echo", "guest", "commit", "echo", "guest", "commit"]);
    assert_eq!(found["ms"], rows(&found, "sync")[0]["ms"]);
}

#[test]
fn the_former_name_of_the_measurement_of_calls_is_known() {
    let said = Run::of(&["calls", "--calls", "5", "--in-flight", "2"]).end();
    assert_eq!((said.code, said.json()["bench"].clone()), (0, "call".into()));
}

#[test]
fn a_fan_out_is_measured_with_each_number_of_minions() {
    let found = measured(&["fanout", "--minions", "2,5", "--rounds", "2"]);
    let calls = rows(&found, "call");
    assert_eq!(calls.iter().map(|row| &row["minions"]).collect::<Vec<_>>(), [2, 5]);
    for row in calls {
        is_compared(row);
        let of = |name: &str| row["ms"][name].as_f64().expect("a time");
        assert!(of("first") <= of("half") && of("half") <= of("p99") && of("p99") <= of("last"), "{row:#}");
    }
    assert_eq!((&found["minions"], &found["ms"]), (&5.into(), &rows(&found, "call")[1]["ms"]));
}

#[test]
fn all_minions_are_seen_to_come_back_after_the_overlord_was_killed() {
    let found = measured(&["connect", "--minions", "3", "--handshakes", "4", "--in-flight", "2"]);
    is_compared(rows(&found, "operator")[0]);
    let back = rows(&found, "back")[0];
    assert!(back["ms"]["served"].as_f64() > Some(0.0), "{back:#}");
    assert!(back["ms"]["first"].as_f64() <= back["ms"]["last"].as_f64(), "{back:#}");
}

#[test]
fn the_ledger_is_measured_with_few_jobs_and_with_many() {
    let found = measured(&["ledger", "--jobs", "11k", "--count", "20", "--in-flight", "1,16"]);
    for what in ["submit", "look-up"] {
        let rows = rows(&found, what);
        rows.iter().for_each(|row| is_compared(row));
        let last = rows.last().expect("rows");
        assert!(last["jobs"] == 11_000 && last["slower"].as_f64() > Some(0.0), "{last:#}");
    }
    assert_eq!(rows(&found, "submit")[0]["shared"], 1, "one at a time shares an fsync with nobody");
    assert!(rows(&found, "disk")[0]["bytes"]["each"].as_f64() > Some(0.0), "{found:#}");
}

#[test]
fn a_module_is_measured_beside_the_engine_alone() {
    let found = measured(&["module", "--count", "10", "--loads", "1"]);
    ["job", "compile", "load"].into_iter().for_each(|what| is_compared(rows(&found, what)[0]));
    let parts: Vec<&Value> =
        found["floors"].as_array().expect("rows").iter().map(|row| &row["what"]).collect();
    assert_eq!(parts, ["instantiate", "call"]);
}

#[test]
fn the_memory_of_minions_is_measured_on_either_side() {
    let found = measured(&["memory", "--minions", "4", "--settle", "0"]);
    for what in ["overlord", "swarm", "process"] {
        let row = rows(&found, what)[0];
        assert!(row["bytes"]["one"].as_f64() > Some(1_000_000.0), "{row:#}");
    }
}

#[test]
fn a_push_is_measured_on_minions_that_each_take_it() {
    let found = measured(&["push", "--minions", "2", "--mebibytes", "1", "--rounds", "2"]);
    is_compared(rows(&found, "push")[0]);
    assert_eq!(found["size_bytes"], 1 << 20);
}

#[test]
fn a_soak_says_what_each_daemon_takes() {
    let found = measured(&["soak", "--jobs", "20", "--minions", "1", "--in-flight", "2"]);
    assert_eq!(found["not_ok"], 0, "{found:#}");
    assert_eq!(found["daemons"][0]["name"], "overlord");
}

#[test]
fn a_measurement_that_is_interrupted_leaves_nothing_behind() {
    for arguments in [&["fanout", "--minions", "3", "--rounds", "10000"][..], &["ledger", "--jobs", "900M"]] {
        let mut run = Run::of(arguments);
        until(|| {
            let ended = run.child.try_wait().expect("ours");
            assert!(ended.is_none(), "{arguments:?} ended by itself: {ended:?}");
            let begun = |dir: &PathBuf| dir.join("swarm").exists() || dir.join("ledger").exists();
            if run.below().iter().any(begun) { Ok(()) } else { Err("nothing has begun".to_owned()) }
        });
        kill(Pid::from_raw(run.child.id() as i32), Signal::SIGINT).expect("sent");
        let said = run.end();
        assert_eq!(said.code, 130, "{arguments:?}: {said:?}");
    }
}

#[test]
fn what_cannot_be_measured_is_refused_with_what_could_be() {
    for (arguments, told) in [
        (&["fanout", "--minions", "0"][..], "0 is not in 1..=20000"),
        (&["call", "--in-flight", "1,x"], "invalid digit"),
        (&["ledger", "--jobs", "10G"], "like 10000, 10k or 10M"),
        (&["memory", "--minions", "1"], "1 is not in 2..=20000"),
        (&["module", "--method", "nothing"], "it has no method \"nothing\""),
    ] {
        let said = Run::of(arguments).end();
        assert!(
            said.code != 0 && said.out.contains(told) | said.err.contains(told),
            "{arguments:?}: {said:?}"
        );
    }
}

#[test]
fn every_measurement_is_tried_here() {
    let helps = Helps::of(["overlord", "minion"]).with_option("--json");
    let all: Vec<&str> = helps.iter().filter_map(|command| command.strip_prefix("overlord bench ")).collect();
    assert_eq!(all, ["call", "connect", "crash", "fanout", "ledger", "memory", "module", "push", "soak"]);
}
