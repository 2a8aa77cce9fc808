//! One job of a small guest: by the sandbox with all its limits, and by the engine alone.

use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use minion_host::policy::ModulePolicy;
use minion_host::sandbox::{
    BareMethod, CancelSignal, Denial, Home, JobEvents, LoadedModule, Run, RunMode, Sandbox, SandboxConfig,
};
use tokio::runtime::Runtime;
use wire::message::call::{LogLine, Progress};
use wire::message::job::JobId;
use wire::message::outcome::Outcome;
use wire::value::arguments::Arguments;

/// A component that imports nothing and answers seven.
const MODULE: &str = r#"(component
    (core module $m (memory 1) (func (export "f") (result i32) i32.const 7))
    (core instance $i (instantiate $m))
    (func (export "seven") (result u32) (canon lift (core func $i "f"))))"#;

/// Nobody listens.
struct Deaf;

impl JobEvents for Deaf {
    fn progress(&self, _: Progress) {}
    fn log(&self, _: LogLine) {}
    fn chunk(&self, _: String) {}
    fn denied(&self, _: Denial) {}
}

async fn job(sandbox: &Sandbox, module: &LoadedModule) {
    let run = Run {
        job: JobId::new(),
        method: "measured.seven".parse().expect("a method"),
        operator: "bench".parse().expect("a name"),
        arguments: Arguments::Values(Vec::new()),
        timeout: None,
        mode: RunMode::Real,
        events: Arc::new(Deaf),
        cancel: CancelSignal::new(),
        home: Home::default(),
    };
    let report = sandbox.run(module, run).await;
    assert!(matches!(report.outcome, Outcome::Ok(_)), "{report:?}");
}

fn guest(criterion: &mut Criterion) {
    let bytes = wat::parse_str(MODULE).expect("a component");
    let bare = BareMethod::compile(&bytes, "seven").expect("compiled");
    let sandbox = Sandbox::new(SandboxConfig::default()).expect("a sandbox");
    let policy = ModulePolicy::default();
    let module = sandbox.load("measured".parse().expect("a name"), &bytes, &policy).expect("loaded");
    let runtime = Runtime::new().expect("a runtime");
    let mut group = criterion.benchmark_group("guest");
    group.throughput(Throughput::Elements(1));
    group.bench_function("instance and call, the engine alone", |bench| bench.iter(|| bare.run()));
    group.bench_function("a job of the sandbox", |bench| {
        bench.iter(|| runtime.block_on(job(&sandbox, &module)));
    });
    group.finish();
}

criterion_group!(benches, guest);
criterion_main!(benches);
