//! Guests that use what policy grants them, and more.

use std::sync::Arc;

use ledger::MinionLedger;
use tempfile::TempDir;
use wire::message::outcome::Failure;
use wire::message::v1::Type;
use wire::value::Value;

use super::{Home, ModulePolicy, OutcomeKind, Rig, RunMode, Sandbox, SandboxConfig};
use crate::policy::Policy;
use crate::sandbox::Facts;

/// The policy of these lines for a module.
pub(super) fn granted(lines: &str) -> ModulePolicy {
    let text = format!("[guest]\n{lines}");
    toml::from_str::<Policy>(&text).unwrap().of(&"guest".parse().unwrap())
}

/// The fixture that hands everything on.
pub(super) fn capabilities(lines: &str) -> (Rig, TempDir) {
    with_everything(&std::fs::read(xtask::guests::fixture("capabilities")).unwrap(), lines)
}

/// A module with everything that needs a grant, and where its ledger is.
pub(super) fn with_everything(bytes: &[u8], lines: &str) -> (Rig, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let facts = Facts::default();
    facts.replace(
        [("os.name", "debian"), ("os.version", "13"), ("kernel", "6.1")]
            .map(|(k, v)| (k.into(), v.into()))
            .into(),
    );
    let config = SandboxConfig { facts, ..SandboxConfig::default() };
    let sandbox = Sandbox::new(config).unwrap();
    let rest = "process = [{ command = '*', args = ['**'] }, { command = '*', args = ['-c', '**'] }]\n\
                kv = { quota = '1KiB' }\nfacts = ['os.*']";
    let lines: Vec<&str> = rest.lines().filter(|line| !lines.contains(&line[..4])).chain([lines]).collect();
    let module = sandbox.load("guest".parse().unwrap(), bytes, &granted(&lines.join("\n"))).unwrap();
    let home = Home { minion: None, ledger: Some(MinionLedger::open(folder.path()).unwrap()) };
    (Rig { sandbox, home, ..Rig::of(module) }, folder)
}

fn sh(script: &str) -> String {
    command(&["sh", "-c", script], "")
}

pub(super) fn command(argv: &[&str], rest: &str) -> String {
    let argv = serde_json::to_string(argv).unwrap();
    format!("[{{\"argv\": {argv}, {rest} \"env\": []}}]")
}

pub(super) fn json(value: Option<Value>) -> serde_json::Value {
    wire::value::json::to_json(&value.unwrap())
}

pub(super) fn text(bytes: &serde_json::Value) -> String {
    match wire::value::json::from_json(Type::List(Box::new(Type::U8)).interned().get(), bytes).unwrap() {
        Value::Bytes(bytes) => String::from_utf8(bytes).unwrap(),
        other => panic!("{other:?}"),
    }
}

pub(super) fn error(failure: Failure) -> String {
    assert_eq!(failure.kind.outcome(), OutcomeKind::Error);
    failure.message
}

fn alive(pid: u64) -> bool {
    let state = std::fs::read_to_string(format!("/proc/{pid}/stat"));
    state.is_ok_and(|stat| !stat.rsplit(')').next().unwrap().trim_start().starts_with('Z'))
}

/// Waits until a process is gone; the test runner's own limit is the last resort.
async fn gone(pid: u64) {
    while alive(pid) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_program_runs_with_its_arguments_and_nothing_of_the_minions_environment() {
    let (rig, _folder) = capabilities("");
    let output = json(rig.value("run", &sh("echo out; echo err >&2; env; exit 3")).await);
    assert_eq!(output["status"], serde_json::json!({"exited": 3}));
    assert_eq!(text(&output["stderr"]), "err\n");
    let stdout = text(&output["stdout"]);
    assert!(stdout.starts_with("out\n") && !stdout.contains("CARGO"), "{stdout}");
}

#[tokio::test]
async fn a_program_that_is_not_granted_is_denied_and_audited() {
    let (rig, _folder) = capabilities("process = [{ command = 'true' }]");
    rig.value("run", &command(&["true"], "")).await;
    let told = error(rig.failure("run", &command(&["true", "x"], "")).await);
    assert_eq!(told, r#"denied: add { command = "true", args = ["x"] } to `process` in [modules.guest]"#);
    let preload = r#"[{"argv": ["true"], "env": [["LD_PRELOAD", "/tmp/x.so"]]}]"#;
    let told = error(rig.failure("run", preload).await);
    assert!(told.contains("add \"LD_PRELOAD\" to `env` of the grant"), "{told}");
    let denied = rig.events.denied.lock().unwrap();
    assert_eq!(
        denied.iter().map(|denial| denial.attempt.as_str()).collect::<Vec<_>>(),
        ["true x", "LD_PRELOAD=… true"]
    );
}

#[tokio::test]
async fn output_beyond_the_cap_is_counted_and_a_missing_program_is_not_found() {
    let (rig, _folder) = capabilities("");
    let output = json(
        rig.value("run", &command(&["head", "-c", "3000000", "/dev/zero"], "\"max-output\": 10,")).await,
    );
    assert_eq!(text(&output["stdout"]).len(), 10);
    assert_eq!(output["stdout-dropped"], 2_999_990);
    let told = error(rig.failure("run", &command(&["no-such-program"], "")).await);
    assert_eq!(told, "not-found: there is no program \"no-such-program\"");
}

#[tokio::test]
async fn a_program_beyond_its_timeout_is_ended_even_if_it_ignores_it() {
    let (rig, _folder) = capabilities("");
    let stubborn = "trap '' TERM; echo begun; sleep 1000 & wait; sleep 1000";
    // Long enough for the shell to begin, however slow the machine is.
    for timeout in [200, 2_000, 20_000] {
        let timeout = format!("\"timeout-ms\": {timeout},");
        let output = json(rig.value("run", &command(&["sh", "-c", stubborn], &timeout)).await);
        assert_eq!(output["status"], "timed-out");
        if text(&output["stdout"]) == "begun\n" {
            return;
        }
    }
    panic!("the shell never began");
}

#[tokio::test]
async fn what_a_program_leaves_behind_does_not_hold_up_its_end() {
    let (rig, _folder) = capabilities("");
    let output = json(rig.value("run", &sh("sleep 1000 & echo $!")).await);
    gone(text(&output["stdout"]).trim().parse().unwrap()).await;
}

#[tokio::test]
async fn a_started_program_is_spoken_to_read_and_signalled() {
    let (rig, _folder) = capabilities("");
    let fed = rig.value("feed", r#"[{"argv": ["cat"], "env": []}, "some words"]"#).await;
    assert_eq!(fed, Some(Value::String("some words".into())));
    let followed = json(rig.value("follow", &sh("echo a; echo b >&2; exit 4")).await);
    assert_eq!(followed[1], serde_json::json!({"exited": 4}));
    let stopped = rig
        .value("stop", r#"[{"argv": ["sh", "-c", "echo up; exec sleep 1000"], "env": []}, "terminate"]"#)
        .await;
    assert_eq!(json(stopped), serde_json::json!({"signalled": 15}));
}

#[tokio::test]
async fn programs_die_with_their_job_when_it_forgets_them_and_when_it_is_stopped() {
    let (rig, _folder) = capabilities("");
    let pid = json(rig.value("abandon", &command(&["sleep", "1000"], "")).await).as_u64().unwrap();
    gone(pid).await;
    let (rig, events) = (&rig, rig.events.clone());
    let ((kind, _), pid) = tokio::join!(
        async {
            let failure = rig.failure("hold", &sh("trap '' TERM; sleep 1000 & wait")).await;
            (failure.kind.outcome(), failure.message)
        },
        async {
            let pid = loop {
                if let Some(progress) = events.progress.lock().unwrap().last() {
                    break progress.done;
                }
                tokio::task::yield_now().await;
            };
            rig.cancel.kill();
            pid
        }
    );
    assert_eq!(kind, OutcomeKind::Killed);
    gone(pid).await;
}

#[tokio::test]
async fn a_job_that_is_cancelled_ends_the_program_that_it_waits_for() {
    let (rig, _folder) = capabilities("");
    let file = tempfile::NamedTempFile::new().unwrap();
    let command = sh(&format!("echo $$ > {}; exec sleep 1000", file.path().display()));
    let (failure, pid) = tokio::join!(rig.failure("run", &command), async {
        let pid: u64 = loop {
            match std::fs::read_to_string(file.path()).unwrap().trim().parse() {
                Ok(pid) => break pid,
                Err(_) => tokio::task::yield_now().await,
            }
        };
        rig.cancel.cancel();
        pid
    });
    assert_eq!(failure.kind.outcome(), OutcomeKind::Cancelled);
    gone(pid).await;
}

#[tokio::test]
async fn a_dry_run_does_nothing_and_says_what_it_would() {
    let (mut rig, folder) = capabilities(
        "process = [{ command = 'touch', args = ['*'] }, { command = 'true', read-only = true }]",
    );
    rig.mode = RunMode::Dry;
    let file = folder.path().join("touched");
    let report = rig.report("run", &command(&["touch", file.to_str().unwrap()], "")).await;
    assert_eq!(report.would, [format!("run touch {}", file.display())]);
    assert!(!file.exists());
    rig.value("run", &command(&["true"], "")).await;
    let report = rig.report("kv/set", r#"["key", "value"]"#).await;
    assert_eq!(report.would, ["kv: set \"key\" to 5 B"]);
    assert_eq!(rig.value("kv/get", r#"["key"]"#).await, Some(Value::Option(None)));
}

#[tokio::test]
async fn keys_are_kept_within_the_quota() {
    let (rig, _folder) = capabilities("");
    assert_eq!(rig.value("kv/get", r#"["a"]"#).await, Some(Value::Option(None)));
    rig.value("kv/set", r#"["a", "1"]"#).await;
    assert_eq!(json(rig.value("compare-and-set", r#"["a", "2", "3"]"#).await), false);
    assert_eq!(json(rig.value("compare-and-set", r#"["a", "1", "3"]"#).await), true);
    assert_eq!(json(rig.value("kv/get", r#"["a"]"#).await), "3");
    assert_eq!(json(rig.value("delete", r#"["a"]"#).await), true);
    assert_eq!(json(rig.value("delete", r#"["a"]"#).await), false);
    let told = error(rig.failure("fill", r#"["big", 2000]"#).await);
    assert!(told.starts_with("denied: module \"guest\" would keep 2003 bytes and may keep 1024"), "{told}");
    for key in ["b/2", "b/1", "c"] {
        rig.value("kv/set", &format!("[\"{key}\", \"x\"]")).await;
    }
    assert_eq!(json(rig.value("keys", r#"["b/"]"#).await), serde_json::json!(["b/1", "b/2"]));
    assert_eq!(json(rig.value("keys", r#"["", "b/1", 1]"#).await), serde_json::json!(["b/2"]));
    let told = error(rig.failure("kv/set", r#"["", "x"]"#).await);
    assert!(told.contains("a key has 1 to 512 bytes"), "{told}");
}

#[tokio::test]
async fn jobs_that_change_one_key_at_once_lose_nothing() {
    let (rig, _folder) = capabilities("");
    let rig = Arc::new(rig);
    let mut jobs = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let rig = rig.clone();
        jobs.spawn(async move { rig.value("increment", r#"["n", 25]"#).await });
    }
    jobs.join_all().await;
    assert_eq!(json(rig.value("kv/get", r#"["n"]"#).await), "200");
}

#[tokio::test]
async fn facts_are_read_as_far_as_they_are_granted() {
    let (rig, _folder) = capabilities("");
    assert_eq!(json(rig.value("facts/get", r#"["os.name"]"#).await), "debian");
    assert_eq!(rig.value("facts/get", r#"["os.none"]"#).await, Some(Value::Option(None)));
    let told = error(rig.failure("facts/get", r#"["kernel"]"#).await);
    assert_eq!(told, "denied: add \"kernel\" to `facts` in [modules.guest]");
    let all = json(rig.value("below", r#"[""]"#).await);
    assert_eq!(all, serde_json::json!([["os.name", "debian"], ["os.version", "13"]]));
}

#[tokio::test]
async fn settings_come_from_the_policy() {
    let (rig, _folder) = capabilities("settings = { size = 3, proxy = { port = 80 } }");
    assert_eq!(json(rig.value("names", "[]").await), serde_json::json!(["proxy", "size"]));
    assert_eq!(json(rig.value("integer", r#"["proxy.port"]"#).await), 80);
    assert!(error(rig.failure("settings/text", r#"["size"]"#).await).starts_with("wrong-type: \"size\""));
}
