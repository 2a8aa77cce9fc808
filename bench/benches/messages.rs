//! Values between their notations, and messages between memory and a stream.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use wire::transport::frame;
use wire::value::Value;
use wire::value::json::{from_json, to_json};
use wire::value::method::{Builder, Type, TypeId, Types};

/// A list of records as modules return them: `list<record { name: string, pid: u32, load: f64, up: bool }>`.
fn processes() -> (Types, TypeId) {
    let mut types = Builder::default();
    let mut add = |name, ty| types.add(name, ty).expect("it fits");
    let fields = [("name", Type::String), ("pid", Type::U32), ("load", Type::F64), ("up", Type::Bool)];
    let fields = fields.map(|(name, ty)| (name.to_owned(), add(None, ty)));
    let record = add(Some("process"), Type::Record(fields.to_vec()));
    let list = add(None, Type::List(record));
    (types.build(), list)
}

fn value(count: u64) -> Value {
    let record = |number: u64| {
        Value::Record(vec![
            ("name".into(), Value::String(format!("process-{number}"))),
            ("pid".into(), Value::Unsigned(number)),
            ("load".into(), Value::F64(number as f64 / 7.0)),
            ("up".into(), Value::Bool(number.is_multiple_of(3))),
        ])
    };
    Value::List((0..count).map(record).collect())
}

fn values(criterion: &mut Criterion) {
    let (types, list) = processes();
    let ty = types.get(list).expect("it was added");
    let mut group = criterion.benchmark_group("values");
    for count in [1, 1000] {
        let (value, json) = (value(count), to_json(&value(count)));
        assert_eq!(from_json(ty, &json).ok().as_ref(), Some(&value));
        group.throughput(Throughput::Elements(count));
        group.bench_function(format!("to JSON, {count} records"), |bench| {
            bench.iter(|| to_json(black_box(&value)));
        });
        group.bench_function(format!("from JSON, {count} records"), |bench| {
            bench.iter(|| from_json(ty, black_box(&json)));
        });
    }
}

fn frames(criterion: &mut Criterion) {
    const LIMIT: usize = 16 << 20;
    let mut group = criterion.benchmark_group("frames");
    for count in [1, 1000] {
        let value = value(count);
        let bytes = frame::encode(&value, LIMIT).expect("it fits");
        assert_eq!(frame::decode::<Value>(&bytes[4..]).expect("decoded"), value);
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_function(format!("encode, {count} records"), |bench| {
            bench.iter(|| frame::encode(black_box(&value), LIMIT));
        });
        group.bench_function(format!("decode, {count} records"), |bench| {
            // Letting go of the value is no part of decoding it.
            bench.iter_with_large_drop(|| frame::decode::<Value>(black_box(&bytes[4..])));
        });
    }
}

criterion_group!(benches, values, frames);
criterion_main!(benches);
