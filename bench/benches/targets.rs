//! Target expressions over many minions, and the states of jobs with many parts.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use serde_json::{Value as Json, json};
use wire::message::job::{JobState, MinionState, OutcomeKind};
use wire::message::operator::Target;
use wire::name::MinionName;
use wire::targets::{Expression, Lookup, Roster, resolve};

/// What minions say of themselves: half of them run one system, and half another.
struct Facts {
    systems: [Arc<Json>; 2],
    edge: Arc<Expression>,
}

impl Facts {
    fn new() -> Self {
        let system = |name: &str| Arc::new(json!({ "os": name, "cpus": 4 }));
        let edge = Expression::parse("web1*,web2*").expect("an expression");
        Self { systems: [system("debian"), system("alpine")], edge: Arc::new(edge) }
    }
}

impl Lookup for Facts {
    fn group(&self, name: &str) -> Option<Arc<Expression>> {
        (name == "edge").then(|| self.edge.clone())
    }

    fn facts(&self, minion: &MinionName) -> Option<Arc<Json>> {
        let last = minion.as_str().bytes().last().unwrap_or_default();
        Some(self.systems[usize::from(last % 2)].clone())
    }
}

fn roster(count: u32) -> Roster {
    Roster::new((1..=count).map(|number| format!("web{number}").parse().expect("a name")).collect())
}

fn targets(criterion: &mut Criterion) {
    let facts = Facts::new();
    for count in [10_000, 100_000] {
        let roster = roster(count);
        let mut group = criterion.benchmark_group(format!("targets of {count} minions"));
        group.throughput(Throughput::Elements(count.into())).sample_size(20);
        for (what, expression) in [
            ("all", "*"),
            ("one name", "web77"),
            ("a glob", "web*7"),
            ("a group", "@edge"),
            ("a fact", "os=debian"),
            ("a fact and a glob", "os=debian & web1*"),
        ] {
            let target = Target::of(expression);
            let matched = resolve(&target, &roster, &facts).expect("resolved").minions.len();
            assert!(matched > 0, "{expression} matches nobody");
            group.bench_function(what, |bench| {
                bench.iter(|| resolve(black_box(&target), &roster, &facts));
            });
        }
    }
}

fn states(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("states");
    let ways = [
        (None, MinionState::Queued),
        (Some(MinionState::Queued), MinionState::Running),
        (Some(MinionState::Running), MinionState::Finished(OutcomeKind::Ok)),
        (Some(MinionState::Finished(OutcomeKind::Ok)), MinionState::Running),
    ];
    group.bench_function("of a part, four reports", |bench| {
        bench.iter(|| ways.map(|(from, to)| MinionState::advance(black_box(from), black_box(to))));
    });
    for count in [1, 1000, 10_000] {
        let parts = vec![Some(MinionState::Finished(OutcomeKind::Ok)); count];
        group.throughput(Throughput::Elements(count as u64));
        group.bench_function(format!("of a job with {count} parts"), |bench| {
            bench.iter(|| JobState::of(black_box(&parts).iter().copied()));
        });
    }
}

criterion_group!(benches, targets, states);
criterion_main!(benches);
