//! Guests that go beyond a limit.

use std::sync::Arc;
use std::time::Duration;

use super::{Limits, ModulePolicy, OutcomeKind, Rig, SandboxConfig, component, load};
use crate::sandbox::Allocation;

/// Counts until it is stopped.
const LOOP: &str = "(func (export \"spin\") (loop (br 0)))";

#[tokio::test]
async fn an_endless_loop_ends_by_its_cpu_limit_while_a_neighbour_answers() {
    let limits = Limits { cpu: Duration::from_secs(2), ..Limits::default() };
    let rig = Rig::limited(&component(LOOP, &[("spin", "")]), limits);
    let neighbour =
        Rig::new(&component("(func (export \"one\") (result i32) i32.const 1)", &[("one", "(result u8)")]));
    let (spin, answers) = tokio::join!(rig.ends("spin"), async {
        let mut answers = 0;
        while rig.module.counters().jobs() == 0 {
            neighbour.value("one", "[]").await;
            answers += 1;
            tokio::task::yield_now().await;
        }
        answers
    });
    assert_eq!(spin, (OutcomeKind::TimedOut, "used up its CPU time of 2s (limits.cpu)".into()));
    assert!(answers > 1, "the neighbour answered {answers} times");
}

#[tokio::test]
async fn time_by_the_clock_ends_a_guest_and_says_whose_time_it_was() {
    let limits = Limits { wall: Duration::from_millis(50), ..Limits::default() };
    let mut rig = Rig::limited(&component(LOOP, &[("spin", "")]), limits);
    let told = "did not end within its time of 50ms (limits.wall)";
    assert_eq!(rig.ends("spin").await, (OutcomeKind::TimedOut, told.into()));
    rig.timeout = Some(Duration::from_millis(20));
    let told = "did not end within 20ms, the time that the caller gave it";
    assert_eq!(rig.ends("spin").await, (OutcomeKind::TimedOut, told.into()));
}

#[tokio::test]
async fn a_limit_of_a_million_years_is_as_good_as_none() {
    let core = "(func (export \"one\") (result i32) i32.const 1)";
    let limits = Limits { wall: Duration::MAX, cpu: Duration::MAX, ..Limits::default() };
    let mut rig = Rig::limited(&component(core, &[("one", "(result u8)")]), limits);
    rig.timeout = Some(Duration::MAX);
    assert_eq!(rig.value("one", "[]").await, Some(wire::value::Value::Unsigned(1)));
}

#[tokio::test]
async fn a_loop_in_the_start_function_ends_by_the_same_limits() {
    let core = "(func $spin (loop (br 0))) (start $spin) (func (export \"f\"))";
    let limits = Limits { cpu: Duration::from_millis(50), ..Limits::default() };
    let rig = Rig::limited(&component(core, &[("f", "")]), limits);
    let (kind, told) = rig.ends("f").await;
    assert_eq!(kind, OutcomeKind::TimedOut);
    assert_eq!(told, "while it was starting: used up its CPU time of 50ms (limits.cpu)");
}

#[tokio::test]
async fn a_trap_in_the_start_function_is_an_outcome_too() {
    let core = "(func $trap unreachable) (start $trap) (func (export \"f\"))";
    let (kind, told) = Rig::new(&component(core, &[("f", "")])).ends("f").await;
    assert_eq!(kind, OutcomeKind::Trapped);
    assert_eq!(told, "while it was starting: wasm `unreachable` instruction executed");
}

#[tokio::test]
async fn memory_is_limited_over_all_memories_of_a_job() {
    let grow = |memories: usize| {
        let grow = (0..memories).map(|memory| {
            format!("(if (i32.eq (memory.grow {memory} (i32.const 320)) (i32.const -1)) (then unreachable))")
        });
        let core = "(memory 1)".repeat(memories);
        format!("{core} (func (export \"grow\") {})", grow.collect::<String>())
    };
    let limits = Limits { memory: 64 << 20, ..Limits::default() };
    let rig = |memories| Rig::limited(&component(&grow(memories), &[("grow", "")]), limits.clone());
    let report = rig(3).report("grow", "[]").await;
    assert_eq!(report.outcome.kind(), OutcomeKind::Ok);
    assert_eq!(report.cost.peak_memory, 3 * 321 * (64 << 10));
    let (kind, told) = rig(4).ends("grow").await;
    assert_eq!(kind, OutcomeKind::Trapped);
    assert_eq!(told, "over its memory limit of 64 MiB (limits.memory): it wanted 81 MiB");
}

#[tokio::test]
async fn a_guest_that_copes_with_a_refusal_of_memory_goes_on() {
    let core = "(memory 1) (func (export \"grow\") (result i32) (memory.grow (i32.const 60000)))";
    let rig = Rig::new(&component(core, &[("grow", "(result s32)")]));
    assert_eq!(rig.value("grow", "[]").await, Some(wire::value::Value::Signed(-1)));
}

#[tokio::test]
async fn tables_are_limited() {
    let core = "(table 1 funcref) (func (export \"grow\") \
        (if (i32.eq (table.grow 0 (ref.null func) (i32.const 50000)) (i32.const -1)) (then unreachable)))";
    let (kind, told) = Rig::new(&component(core, &[("grow", "")])).ends("grow").await;
    assert_eq!(kind, OutcomeKind::Trapped);
    assert_eq!(told, "over its limit of 20000 table elements (limits.table): it wanted 50001");
    let wider = Limits { table: 60_000, ..Limits::default() };
    Rig::limited(&component(core, &[("grow", "")]), wider).value("grow", "[]").await;
}

#[tokio::test]
async fn unbounded_recursion_exhausts_its_own_stack_only() {
    let core = "(func $f (export \"f\") (call $f))";
    let (kind, told) = Rig::new(&component(core, &[("f", "")])).ends("f").await;
    assert_eq!(kind, OutcomeKind::Trapped);
    assert_eq!(told, "call stack exhausted: it recursed too deeply");
}

#[tokio::test]
async fn a_result_over_the_output_limit_is_a_trap_that_names_it() {
    let core = "(memory (export \"memory\") 1600) (func (export \"f\") (param i32) (result i32) \
        (i32.store (i32.const 0) (i32.const 8)) (i32.store (i32.const 4) (local.get 0)) (i32.const 0))";
    let limits = Limits { memory: 128 << 20, ..Limits::default() };
    let rig = Rig::limited(&component(core, &[("f", "(param \"length\" u32) (result string)")]), limits);
    let told = "its result is over the output limit of 4 MiB (limits.output)";
    // Just over the limit, and far over what may pass at all.
    for length in [(4 << 20) + 1, 99 << 20] {
        let failure = rig.failure("f", &format!("[{length}]")).await;
        assert_eq!(
            (failure.kind.outcome(), failure.message.as_str()),
            (OutcomeKind::Trapped, told),
            "{length}"
        );
    }
    rig.value("f", "[1000000]").await;
}

#[test]
fn the_number_of_instances_of_a_component_is_limited() {
    let instances = |count: usize| {
        let many = "(core instance (instantiate $m))".repeat(count);
        format!("(component (core module $m) {many})")
    };
    load(&instances(10), &ModulePolicy::default()).unwrap();
    let told = load(&instances(80), &ModulePolicy::default()).expect_err("refused").to_string();
    assert!(told.contains("80 core module instances") && told.contains("64"), "{told}");
}

#[tokio::test]
async fn jobs_beyond_the_slots_are_answered_as_busy_and_the_slots_come_back() {
    let config = SandboxConfig { max_jobs: 1, grace: Duration::from_millis(1), ..SandboxConfig::default() };
    let rig = Arc::new(Rig::alone(config, &component(LOOP, &[("spin", "")])));
    for _ in 0..2 {
        let mut jobs = tokio::task::JoinSet::new();
        for _ in 0..rig.sandbox.slots() {
            let rig = rig.clone();
            jobs.spawn(async move { rig.ends("spin").await });
        }
        // Each has its turn before this goes on, and is in its loop then.
        tokio::task::yield_now().await;
        let (kind, told) = rig.ends("spin").await;
        assert_eq!(
            (kind, told.as_str()),
            (OutcomeKind::Rejected, "all instances are in use: try again later")
        );
        jobs.shutdown().await;
    }
}

#[tokio::test]
async fn a_sandbox_on_demand_runs_jobs_all_the_same() {
    let config = SandboxConfig { allocation: Allocation::OnDemand, ..SandboxConfig::default() };
    let one = component("(func (export \"one\") (result i32) i32.const 1)", &[("one", "(result u8)")]);
    let rig = Rig::alone(config, &one);
    assert_eq!(rig.sandbox.status().mode.to_string(), "on-demand, because the configuration says so");
    assert_eq!(rig.value("one", "[]").await, Some(wire::value::Value::Unsigned(1)));
}
