//! Jobs on a real ledger, in a real sandbox, with the bundled module `test`.

mod signed;

use std::num::NonZeroUsize;
use std::sync::{Arc, LazyLock};

use ledger::MinionLedger;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use wire::digest::Digest;
use wire::message::call::Start;
use wire::message::job::{JobId, MinionJobId, MinionState, OutcomeKind};
use wire::message::link::{Acknowledged, Cancelled, JobUpdate, MAX_MESSAGE};
use wire::message::outcome::{Failure, FailureKind, Outcome, Report};
use wire::transport::frame;
use wire::value::Value;
use wire::value::arguments::{Arguments, Word};

use crate::access::{Access, AccessInForce};
use crate::audit::Audit;
use crate::highest_versions::HighestVersions;
use crate::jobs::{Follower, Jobs, Parts, Queue, Stopping, report};
use crate::membership::Member;
use crate::modules::admission::Admission;
use crate::modules::{Modules, ModulesConfig};
use crate::policy::{Policy, SignaturePolicy};
use crate::sandbox::{Sandbox, SandboxConfig};

/// Compiled once for all tests.
static CACHE: LazyLock<TempDir> = LazyLock::new(|| TempDir::new().expect("a folder"));

/// Who the minion of all tests is.
fn member() -> Member {
    Member {
        name: "web1".parse().expect("a name"),
        overlord: "localhost:1".into(),
        valid_until: i64::MAX,
        authorities: vec![Digest::ZERO],
    }
}

struct Rig {
    ledger: MinionLedger,
    modules: Modules,
    jobs: Jobs,
    access: AccessInForce,
    guests: Option<Runtime>,
    dir: TempDir,
}

impl Rig {
    async fn new() -> Self {
        Self::with("", 100).await
    }

    async fn with(policy: &str, waiting: usize) -> Self {
        let dir = TempDir::new().expect("a folder");
        std::fs::create_dir(dir.path().join("modules")).expect("made");
        std::fs::copy(xtask::guests::module("test"), dir.path().join("modules/test.wasm")).expect("copied");
        std::fs::write(dir.path().join("modules/broken.wasm"), "no component").expect("written");
        Self::open(dir, policy, waiting).await
    }

    async fn open(dir: TempDir, policy: &str, waiting: usize) -> Self {
        let config = SandboxConfig {
            cache_dir: Some(CACHE.path().to_owned()),
            max_jobs: 8,
            ..SandboxConfig::default()
        };
        let sandbox = Sandbox::new(config).expect("a sandbox");
        let policy: Policy = toml::from_str(policy).expect("a policy");
        let places = ModulesConfig {
            folder: dir.path().join("modules"),
            versions: dir.path().join("versions"),
            staged: dir.path().join("staged"),
            keep: NonZeroUsize::MIN,
        };
        let audit = Arc::new(Audit::open(&dir.path().join("audit.jsonl")).expect("a log"));
        let versions = HighestVersions::open(&dir.path().join("highest-versions.toml")).expect("opened");
        let admission = Admission::new(SignaturePolicy::default(), versions);
        let modules =
            Modules::load(sandbox, places, &policy, admission, audit.clone()).await.expect("loaded");
        let ledger = MinionLedger::open(&dir.path().join("ledger")).expect("a ledger");
        let guests = Runtime::new().expect("threads");
        let access = AccessInForce::new(Access::default());
        let mandates = crate::mandates::Mandates {
            access: access.clone(),
            ledger: ledger.clone(),
            member: tokio::sync::watch::channel(member()).1,
            facts: tokio::sync::watch::channel(crate::facts::gathered::Gathered::default()).1,
        };
        let jobs = Jobs::new(Parts {
            ledger: ledger.clone(),
            modules: modules.clone(),
            access: access.clone(),
            mandates,
            audit,
            guests: guests.handle().clone(),
            queue: Queue::new(modules.sandbox().jobs_at_once(), waiting),
            member: tokio::sync::watch::channel(member()).1,
        });
        Self { ledger, modules, jobs, access, guests: Some(guests), dir }
    }

    /// How many jobs of the module `test` have ever run.
    fn runs(&self) -> u64 {
        self.modules.active(&"test".parse().expect("a name")).expect("loaded").counters().jobs()
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        if let Some(guests) = self.guests.take() {
            guests.shutdown_background();
        }
    }
}

fn call(method: &str, words: &[&str]) -> Start {
    Start {
        job: JobId::new(),
        method: method.parse().expect("a method"),
        arguments: Arguments::Words(words.iter().map(|word| Word::Text((*word).to_owned())).collect()),
        operator: "ann".parse().expect("a name"),
        timeout_ms: None,
        dry_run: false,
        durable: false,
    }
}

async fn end(mut follower: Follower) -> (Option<MinionJobId>, Report) {
    while let Some(update) = follower.next().await {
        if let JobUpdate::Finished { minion_job, report } = update {
            return (minion_job, *report);
        }
    }
    panic!("the feed ended without an outcome");
}

/// Waits until the guest has started.
async fn running(follower: &mut Follower) {
    while let Some(update) = follower.next().await {
        if matches!(update, JobUpdate::State { state: MinionState::Running, .. }) {
            return;
        }
    }
    panic!("the feed ended before the job ran");
}

fn failure(report: Report) -> Failure {
    match report.outcome {
        Outcome::Failed(failure) => failure,
        Outcome::Ok(value) => panic!("ok with {value:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_is_started_twice_at_once_runs_once() {
    let rig = Rig::new().await;
    let start = call("test.add", &["2", "3"]);
    let followers: Vec<Follower> =
        (0..10).map(|_| rig.jobs.start(start.clone(), None).expect("accepted")).collect();
    let mut ids = Vec::new();
    for follower in followers {
        let (minion_job, report) = end(follower).await;
        assert_eq!(report.outcome, Outcome::Ok(Some(Value::Signed(5))));
        ids.push(minion_job.expect("recorded"));
    }
    let (late, _) = end(rig.jobs.start(start.clone(), None).expect("known")).await;
    assert!(ids.iter().all(|id| Some(*id) == late));
    assert_eq!(rig.runs(), 1);
    let record = rig.ledger.job(&start.job).expect("read").expect("there");
    assert_eq!(record.state, MinionState::Finished(OutcomeKind::Ok));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_need_not_wait_is_written_twice_before_its_answer() {
    let rig = Rig::new().await;
    let before = rig.ledger.commits().writes;
    let start = call("test.ping", &[]);
    end(rig.jobs.start(start.clone(), None).expect("accepted")).await;
    assert_eq!(rig.ledger.commits().writes, before + 2);
    let record = rig.ledger.job(&start.job).expect("read").expect("there");
    assert!(record.started_at.is_some_and(|at| at == record.accepted_at));
    // One that is to be on disk first has no place by then.
    let start = Start { durable: true, ..call("test.ping", &[]) };
    end(rig.jobs.start(start, None).expect("accepted")).await;
    assert_eq!(rig.ledger.commits().writes, before + 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_denied_is_never_on_record_as_running() {
    let rig = Rig::new().await;
    let access = toml::from_str("deny = [{ operator = \"ann\", method = \"*\" }]").expect("a list");
    assert!(rig.access.replace(access));
    let start = call("test.ping", &[]);
    let denial = failure(end(rig.jobs.start(start.clone(), None).expect("accepted")).await.1);
    assert_eq!(denial.kind, FailureKind::Denied);
    let record = rig.ledger.job(&start.job).expect("read").expect("there");
    assert_eq!(record.started_at, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_known_after_its_end_and_after_a_restart() {
    let mut rig = Rig::new().await;
    let start = call("test.add", &["2", "3"]);
    let (minion_job, report) = end(rig.jobs.start(start.clone(), None).expect("accepted")).await;
    assert_eq!(end(rig.jobs.follow(start.job).await.expect("read")).await, (minion_job, report.clone()));

    rig.jobs.stop().await;
    rig.ledger.close().await;
    let dir = std::mem::replace(&mut rig.dir, TempDir::new().expect("a folder"));
    let again = Rig::open(dir, "", 100).await;
    assert_eq!(end(again.jobs.start(start, None).expect("known")).await, (minion_job, report));
    assert_eq!(again.runs(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_nobody_knows_is_unknown() {
    let rig = Rig::new().await;
    let mut follower = rig.jobs.follow(JobId::new()).await.expect("read");
    assert_eq!(follower.next().await, Some(JobUpdate::Unknown));
    assert_eq!(follower.next().await, None);
    assert_eq!(rig.jobs.cancel(JobId::new()).await, Ok(Cancelled::Unknown));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_settled_job_never_starts() {
    let rig = Rig::new().await;
    let start = call("test.ping", &[]);
    let mut settled = rig.jobs.settle(start.job).await.expect("read");
    assert_eq!(settled.next().await, Some(JobUpdate::Unknown));
    let mut late = rig.jobs.start(start.clone(), None).expect("answered");
    assert_eq!(late.next().await, Some(JobUpdate::Unknown));
    assert_eq!(rig.ledger.job(&start.job), Ok(None));
    assert_eq!(rig.runs(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_is_cancelled_before_it_comes_never_starts() {
    let rig = Rig::new().await;
    let start = call("test.ping", &[]);
    assert_eq!(rig.jobs.cancel(start.job).await, Ok(Cancelled::Unknown));
    let mut late = rig.jobs.start(start.clone(), None).expect("answered");
    assert_eq!(late.next().await, Some(JobUpdate::Unknown));
    assert_eq!(rig.ledger.job(&start.job), Ok(None));
    assert_eq!(rig.runs(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_that_comes_late_changes_nothing() {
    let rig = Rig::new().await;
    let start = call("test.ping", &[]);
    let ended = end(rig.jobs.start(start.clone(), None).expect("accepted")).await;
    rig.jobs.0.tasks.close();
    rig.jobs.0.tasks.wait().await;
    assert_eq!(rig.jobs.cancel(start.job).await, Ok(Cancelled::AlreadyOver));
    assert_eq!(end(rig.jobs.start(start, None).expect("known")).await, ended);
}

/// On one thread, so that the job's task gets nowhere before the second call.
#[tokio::test]
async fn a_job_that_is_cancelled_before_its_turn_never_starts() {
    let rig = Rig::new().await;
    let start = call("test.ping", &[]);
    let follower = rig.jobs.start(start.clone(), None).expect("accepted");
    assert_eq!(rig.jobs.cancel(start.job).await, Ok(Cancelled::Asked));
    assert_eq!(failure(end(follower).await.1).kind, FailureKind::Cancelled);
    assert_eq!(rig.runs(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn settling_a_job_that_the_minion_has_follows_it() {
    let rig = Rig::new().await;
    let start = call("test.sleep", &["60000"]);
    let mut first = rig.jobs.start(start.clone(), None).expect("accepted");
    running(&mut first).await;
    let live = rig.jobs.settle(start.job).await.expect("read");
    assert_eq!(rig.jobs.cancel(start.job).await, Ok(Cancelled::Asked));
    assert_eq!(end(live).await.1.outcome.kind(), OutcomeKind::Cancelled);
    rig.jobs.follow(start.job).await.expect("read");

    let recorded = rig.jobs.settle(start.job).await.expect("read");
    assert_eq!(end(recorded).await.1.outcome.kind(), OutcomeKind::Cancelled);
    let again = rig.jobs.start(start, None).expect("known");
    assert_eq!(end(again).await.1.outcome.kind(), OutcomeKind::Cancelled);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_run_is_rejected_and_recorded() {
    let rig = Rig::new().await;
    for (start, kind, named) in [
        (call("tset.ping", &[]), FailureKind::UnknownModule, "it has broken, test"),
        (call("broken.ping", &[]), FailureKind::UnknownModule, "is not in service"),
        (call("test.pnig", &[]), FailureKind::UnknownMethod, "test.ping"),
        (call("test.add", &["2", "x"]), FailureKind::BadArguments, "b"),
    ] {
        let (minion_job, report) = end(rig.jobs.start(start.clone(), None).expect("accepted")).await;
        let failure = failure(report);
        assert_eq!(failure.kind, kind);
        assert!(failure.message.contains(named), "{}", failure.message);
        assert_eq!(rig.ledger.job(&start.job).expect("read").map(|job| job.minion_job), minion_job);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_line_is_bounded_and_those_in_it_can_leave() {
    let rig = Rig::with("[test]\nlimits = { jobs = 1 }", 1).await;
    let (runs, waits, third) =
        (call("test.sleep", &["60000"]), call("test.ping", &[]), call("test.ping", &[]));
    let mut first = rig.jobs.start(runs.clone(), None).expect("accepted");
    running(&mut first).await;

    let mut second = rig.jobs.start(waits.clone(), None).expect("accepted");
    let queued = second.next().await;
    assert!(matches!(queued, Some(JobUpdate::State { state: MinionState::Queued, .. })), "{queued:?}");
    while rig.jobs.load().waiting == 0 {
        tokio::task::yield_now().await;
    }
    let (minion_job, busy) = end(rig.jobs.start(third.clone(), None).expect("taken")).await;
    assert_eq!((minion_job, failure(busy).kind), (None, FailureKind::Busy));
    assert_eq!(rig.ledger.job(&third.job), Ok(None), "nothing is recorded of it");

    assert_eq!(rig.jobs.cancel(waits.job).await, Ok(Cancelled::Asked));
    assert_eq!(failure(end(second).await.1).kind, FailureKind::Cancelled);
    assert_eq!(rig.jobs.cancel(runs.job).await, Ok(Cancelled::Asked));
    assert_eq!(failure(end(first).await.1).kind, FailureKind::Cancelled);
    while rig.jobs.0.table().live(third.job).is_some() {
        tokio::task::yield_now().await;
    }
    let (_, again) = end(rig.jobs.start(third, None).expect("accepted")).await;
    assert_eq!(again.outcome.kind(), OutcomeKind::Ok, "it may come again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_interrupts_what_runs_and_records_it() {
    let rig = Rig::with("[test]\nlimits = { jobs = 1 }", 10).await;
    let (runs, waits) = (call("test.spin", &[]), call("test.ping", &[]));
    let mut first = rig.jobs.start(runs.clone(), None).expect("accepted");
    running(&mut first).await;
    let second = rig.jobs.start(waits.clone(), None).expect("accepted");
    rig.jobs.stop().await;
    for (job, follower) in [(runs.job, first), (waits.job, second)] {
        let report = end(follower).await.1;
        assert_eq!(rig.ledger.job(&job).expect("read").and_then(|job| job.report), Some(report.clone()));
        assert_eq!(failure(report).kind, FailureKind::Interrupted);
    }
    assert_eq!(rig.jobs.start(call("test.ping", &[]), None).err(), Some(Stopping));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_without_a_task_gets_its_end_when_someone_asks() {
    let rig = Rig::new().await;
    let start = call("test.ping", &[]);
    rig.ledger.accept(start.clone(), 1, ledger::Durability::Written).await.expect("recorded");
    let (_, report) = end(rig.jobs.follow(start.job).await.expect("read")).await;
    assert_eq!(failure(report).kind, FailureKind::Interrupted);
    assert_eq!(rig.runs(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_and_parts_reach_a_follower() {
    let rig = Rig::new().await;
    let mut follower = rig.jobs.start(call("test.count", &["3", "0"]), None).expect("accepted");
    let mut chunks = Vec::new();
    while let Some(update) = follower.next().await {
        match update {
            JobUpdate::Chunk(chunk) => chunks.push(chunk),
            JobUpdate::Finished { report, .. } => assert_eq!(report.outcome.kind(), OutcomeKind::Ok),
            _ => {}
        }
    }
    assert_eq!(chunks, ["1", "2", "3"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_on_the_stream_is_recorded_and_a_broken_stream_is_none() {
    let rig = Rig::new().await;
    let start = call("test.ping", &[]);

    let (overlord, minion) = tokio::io::duplex(1 << 16);
    drop(overlord);
    let (mut recv, mut send) = tokio::io::split(minion);
    let follower = rig.jobs.start(start.clone(), None).expect("accepted");
    report(&rig.jobs, start.job, follower, &mut send, &mut recv).await.expect_err("broken");
    end(rig.jobs.follow(start.job).await.expect("read")).await;
    assert_eq!(rig.ledger.unacknowledged(10), Ok(vec![start.job]));

    let (mut overlord, minion) = tokio::io::duplex(1 << 16);
    let (mut recv, mut send) = tokio::io::split(minion);
    let follower = rig.jobs.follow(start.job).await.expect("read");
    let jobs = rig.jobs.clone();
    let told = tokio::spawn(async move { report(&jobs, start.job, follower, &mut send, &mut recv).await });
    // That it ran is told as well, where its task is not quite over.
    let mut ended = false;
    while !ended {
        let update: JobUpdate = frame::read(&mut overlord, MAX_MESSAGE).await.expect("an update");
        ended = matches!(update, JobUpdate::Finished { minion_job: Some(_), .. });
    }
    frame::write(&mut overlord, &Acknowledged, MAX_MESSAGE).await.expect("written");
    told.await.expect("no panic").expect("told");
    // A job that is about to go records its receipt itself.
    rig.jobs.stop().await;
    assert_eq!(rig.ledger.unacknowledged(10), Ok(vec![]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_access_list_denies_does_not_run_and_is_audited() {
    let rig = Rig::new().await;
    let access =
        toml::from_str("deny = [{ operator = \"ann\", method = \"test.test/p*\" }]").expect("a list");
    assert!(rig.access.replace(access));
    let (denied, allowed) = (call("test.ping", &[]), call("test.concat", &["a", "b"]));
    let denial = failure(end(rig.jobs.start(denied.clone(), None).expect("accepted")).await.1);
    assert_eq!(denial.kind, FailureKind::Denied);
    assert!(denial.message.contains("ann") && denial.message.contains("test.ping"), "{}", denial.message);
    end(rig.jobs.start(allowed.clone(), None).expect("accepted")).await;
    assert_eq!(rig.runs(), 1);

    let path = rig.dir.path().join("audit.jsonl");
    audit_log::Verified::check(&path).expect("whole");
    let text = std::fs::read_to_string(path).expect("read");
    let entries: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(entries.iter().filter(|entry| entry.get("job").is_some()).count(), 4, "{text}");
    let of = |job: JobId, event: &str| {
        entries
            .iter()
            .find(|entry| entry["job"] == job.to_string() && entry["event"] == event)
            .expect("there")
    };
    assert_eq!(of(denied.job, "call")["decision"], "denied");
    assert_eq!(of(denied.job, "outcome")["outcome"], "denied");
    assert_eq!(of(allowed.job, "call")["arguments"], serde_json::json!({ "a": "a", "b": "b" }));
    assert_eq!(of(allowed.job, "outcome")["outcome"], "ok");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_waits_for_its_turn_is_held_against_the_list_that_is_in_force_then() {
    let rig = Rig::with("[test]\nlimits = { jobs = 1 }", 10).await;
    let (runs, waits) = (call("test.sleep", &["60000"]), call("test.ping", &[]));
    let mut first = rig.jobs.start(runs.clone(), None).expect("accepted");
    running(&mut first).await;
    let mut second = rig.jobs.start(waits.clone(), None).expect("accepted");
    let queued = second.next().await;
    assert!(matches!(queued, Some(JobUpdate::State { state: MinionState::Queued, .. })), "{queued:?}");
    assert!(rig.access.replace(toml::from_str("deny = [{ method = \"test.ping\" }]").expect("a list")));
    assert_eq!(rig.jobs.cancel(runs.job).await, Ok(Cancelled::Asked));
    end(first).await;
    assert_eq!(failure(end(second).await.1).kind, FailureKind::Denied);
    assert_eq!(rig.runs(), 1);
    let text = std::fs::read_to_string(rig.dir.path().join("audit.jsonl")).expect("read");
    let entries = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"));
    let of_second = entries.filter(|entry| entry["job"] == waits.job.to_string() && entry["event"] == "call");
    let decisions: Vec<_> = of_second.map(|entry| entry["decision"].clone()).collect();
    assert_eq!(decisions, ["allowed", "denied"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_access_list_denies_by_its_arguments_does_not_run_and_the_audit_log_says_why() {
    let rig = Rig::new().await;
    let list =
        "[[allow]]\n[[deny]]\nname = \"small sums\"\narguments.a.range.min = 10\nmethod = \"test.add\"";
    assert!(rig.access.replace(toml::from_str(list).expect("a list")));
    let (denied, unfit) = (call("test.add", &["10", "1"]), call("test.add", &["ten", "1"]));
    let denial = failure(end(rig.jobs.start(denied.clone(), None).expect("accepted")).await.1);
    let why = "rule \"small sums\" of [[access.deny]] denies it where \"a\" is at least 10";
    assert_eq!(denial.kind, FailureKind::Denied);
    assert!(denial.message.ends_with(why), "{}", denial.message);
    let rejected = failure(end(rig.jobs.start(unfit, None).expect("accepted")).await.1);
    assert_eq!(rejected.kind, FailureKind::BadArguments, "what cannot be bound is no matter of access");
    end(rig.jobs.start(call("test.add", &["9", "1"]), None).expect("accepted")).await;
    assert_eq!(rig.runs(), 2, "the one that was rejected counts, and the one that was denied does not");

    let text = std::fs::read_to_string(rig.dir.path().join("audit.jsonl")).expect("read");
    let entries = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"));
    let denied = entries.into_iter().find(|entry| entry["decision"] == "denied").expect("there");
    assert_eq!(denied["rule"], "rule \"small sums\" of [[access.deny]]");
    assert_eq!((&denied["parameters"], &denied["why"]), (&serde_json::json!(["a"]), &why.into()));
}
