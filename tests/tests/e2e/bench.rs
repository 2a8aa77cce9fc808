//! Measurements that start, kill and clear away daemons of their own.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rig::{Said, binary, fixtures_dir, modules_dir, until};

/// A run of `overlord bench crash`, in a folder for temporary files of its own.
struct Run {
    temporary: tempfile::TempDir,
    child: Child,
}

impl Run {
    fn start(kills: &str, modules: &Path) -> Self {
        let temporary = tempfile::tempdir().expect("a folder");
        let mut command = Command::new(binary("overlord"));
        command.args(["bench", "crash", "--kills", kills, "--minions", "2", "--seed", "5", "--json"]);
        command.arg("--modules").arg(modules).env("TMPDIR", temporary.path());
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
    let said = Run::start("12", &modules_dir()).end();
    assert_eq!(said.code, 0, "{said:?}");
    let found = said.json();
    assert_eq!(found["violations"], serde_json::json!([]));
    assert_eq!((&found["seed"], &found["kills"]["total"]), (&5.into(), &12.into()), "{found:#}");
    // The calls after the last kill alone are ten on each of two minions.
    let (ok, lines) = (found["counts"]["ok"].as_u64(), found["lines"].as_u64());
    assert!(ok >= Some(20) && lines >= ok, "{found:#}");
}

#[test]
fn a_crash_run_that_is_interrupted_leaves_nothing_behind() {
    let mut run = Run::start("100000", &modules_dir());
    run.await_a_line();
    assert!(!processes_of(run.temporary.path()).is_empty(), "the daemons cannot be seen from here");
    kill(Pid::from_raw(run.child.id() as i32), Signal::SIGINT).expect("sent");
    let said = run.end();
    assert_eq!(said.code, 130, "{said:?}");
}

#[test]
fn a_crash_run_without_the_method_that_it_calls_says_so_and_leaves_nothing_behind() {
    let said = Run::start("1", &fixtures_dir()).end();
    assert_ne!(said.code, 0, "{said:?}");
    assert!(said.err.contains("no targeted minion has a module \"test\""), "{said:?}");
}
