//! The overlord's ledger: a job from its acceptance to its end, and what is looked up of it.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ledger::scratch::job;
use ledger::{Durability, OverlordLedger};
use tokio::runtime::Runtime;
use wire::message::job::{JobId, MinionJobId};
use wire::message::operator::JobFilter;
use wire::message::outcome::{Outcome, Report};

/// How many jobs there are before anything is measured.
const JOBS: usize = 10_000;

async fn finished(ledger: &OverlordLedger, id: JobId) {
    ledger.accept(job(id, &["web1"]), Durability::Written).await.expect("accepted");
    let report = Report::without_run(Outcome::Ok(None), id.made_at());
    let (minion, own) = ("web1".parse().expect("a name"), Some(MinionJobId::new()));
    let ended = ledger.part_ended(id, &minion, own, report, id.made_at(), Durability::Written).await;
    ended.expect("recorded");
}

fn ledger(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let dir = tempfile::tempdir().expect("a folder");
    let ledger = OverlordLedger::open(dir.path()).expect("opened");
    let ids: Vec<JobId> =
        std::iter::successors(Some(JobId::new()), |id| Some(JobId::after(*id))).take(JOBS).collect();
    runtime.block_on(async {
        for id in &ids {
            finished(&ledger, *id).await;
        }
    });
    let any = || *fastrand::choice(&ids).expect("there are some");
    let mut group = criterion.benchmark_group(format!("ledger with {JOBS} jobs"));
    group.throughput(Throughput::Elements(1));
    for (what, durability) in [("accept", Durability::Written), ("accept, with an fsync", Durability::Synced)]
    {
        group.bench_function(what, |bench| {
            bench.iter(|| runtime.block_on(ledger.accept(job(JobId::new(), &["web1"]), durability)));
        });
    }
    group.bench_function("from acceptance to end", |bench| {
        bench.iter(|| runtime.block_on(finished(&ledger, JobId::new())));
    });
    group.bench_function("state", |bench| {
        bench.iter(|| runtime.block_on(ledger.state(black_box(any()))));
    });
    group.bench_function("document", |bench| {
        bench.iter(|| runtime.block_on(ledger.document(black_box(any()))));
    });
    group.bench_function("list of 20", |bench| {
        let filter = JobFilter::default();
        bench.iter(|| runtime.block_on(ledger.list(black_box(&filter), 20)));
    });
    group.finish();
    runtime.block_on(ledger.close());
}

criterion_group!(benches, ledger);
criterion_main!(benches);
