//! Ledgers that hold one of everything: jobs in every state, every outcome, every kind of value.

use ledger::{Durability, Invite, JobRecord, MinionLedger, OverlordLedger};
use wire::digest::Digest;
use wire::message::call::{Share, Start};
use wire::message::inventory::Inventory;
use wire::message::module::{self, ModuleState, ModuleVersion};
use wire::message::outcome::{Cost, Failure, FailureKind, ModuleRef, Outcome, Report};
use wire::message::v1::{Method, Module, Type};
use wire::value::Value;
use wire::value::arguments::{Arguments, Word};
use wire::value::method::{self, Builder, Methods};

use crate::registry;
use crate::rig::{Reports, T0, failed, id, job, name, ok, start};

const FAILURES: [FailureKind; 15] = [
    FailureKind::Error,
    FailureKind::Trapped,
    FailureKind::TimedOut,
    FailureKind::Cancelled,
    FailureKind::Killed,
    FailureKind::UnknownModule,
    FailureKind::UnknownMethod,
    FailureKind::BadArguments,
    FailureKind::CapabilityMissing,
    FailureKind::Busy,
    FailureKind::NotRecorded,
    FailureKind::Denied,
    FailureKind::Interrupted,
    FailureKind::Undelivered,
    FailureKind::Lost,
];

pub(crate) async fn overlord(ledger: &OverlordLedger) {
    minions(ledger).await;
    invites(ledger).await;
    open_jobs(ledger).await;
    ended_jobs(ledger).await;
}

async fn minions(ledger: &OverlordLedger) {
    for minion in ["web1", "web2", "db1"] {
        ledger.put_minion(registry::minion(minion)).await.unwrap();
    }
    ledger.minion_seen(&name("web1"), T0 + 5, "0.1.0").await.unwrap();
    ledger.minion_modules(&name("web1"), inventory()).await.unwrap();
    ledger.revoke_minion(&name("db1"), registry::revocation()).await.unwrap();
}

/// Modules with trees of types, and one whose types have names.
fn inventory() -> Inventory {
    let mut modules: Vec<module::Module> = modules().into_iter().map(Into::into).collect();
    modules.push(module::Module { methods: named(), ..modules[0].clone() });
    Inventory { left_out: 2, ..Inventory::of(modules) }
}

/// A method that takes two of a type with a name.
fn named() -> Methods {
    let mut table = Builder::default();
    let number = table.add(None, method::Type::U32).unwrap();
    let fields = vec![("x".to_owned(), number), ("y".to_owned(), number)];
    let point = table.add(Some("point"), method::Type::Record(fields)).unwrap();
    let line = method::Method {
        interface: None,
        name: "line".into(),
        params: vec![("from".into(), point), ("to".into(), point)],
        result: Some(number),
        is_async: false,
        not_callable: None,
        docs: None,
    };
    Methods::new(table.build(), vec![line]).unwrap()
}

/// A module in each state, and methods with every type.
fn modules() -> Vec<Module> {
    let method =
        |interface: Option<&str>, name: &str, params: Vec<(String, Type)>, result: Option<Type>| Method {
            interface: interface.map(str::to_owned),
            name: name.to_owned(),
            params,
            result,
            is_async: name == "follow",
            not_callable: (name == "open").then(|| "it takes a resource".to_owned()),
            docs: interface.map(|_| format!("What {name} does.")),
        };
    let module = |name: &str, state: ModuleState, methods: Vec<Method>| Module {
        name: name.parse().unwrap(),
        version: (state == ModuleState::Active).then(|| "1.2.3".to_owned()),
        digest: Digest::of(name.as_bytes()),
        description: (state == ModuleState::Active).then(|| "Starts and stops things.".to_owned()),
        state,
        methods,
        imports: vec!["minion:log/log@0.1.0".into(), "minion:process/process@0.1.0".into()],
        versions: vec![ModuleVersion {
            digest: Digest::of(name.as_bytes()),
            version: None,
            state: ModuleState::Retired,
            since: 1_700_000_000_000,
            signer: Some("ed25519:someone".into()),
        }],
    };
    let service = vec![
        method(
            Some("acme:service/unit@1.0.0"),
            "restart",
            every_type(),
            Some(Type::Result(None, Some(Type::String.into()))),
        ),
        method(Some("acme:service/timer@1.0.0"), "follow", vec![], Some(Type::List(Type::U8.into()))),
        method(None, "open", vec![("file".into(), Type::Opaque("own<file>".into()))], None),
    ];
    vec![
        module("service", ModuleState::Active, service),
        module("backup", ModuleState::Compiling, vec![]),
        module("cron", ModuleState::Draining, vec![]),
        module("broken", ModuleState::Failed("it imports what is not granted".into()), vec![]),
    ]
}

fn every_type() -> Vec<(String, Type)> {
    let plain = [
        Type::Bool,
        Type::S8,
        Type::U8,
        Type::S16,
        Type::U16,
        Type::S32,
        Type::U32,
        Type::S64,
        Type::U64,
        Type::F32,
        Type::F64,
        Type::Char,
        Type::String,
        Type::List(Type::String.into()),
        Type::Tuple(vec![Type::Bool, Type::Char]),
        Type::Record(vec![("a".into(), Type::S8), ("b".into(), Type::Option(Type::U8.into()))]),
        Type::Variant(vec![("none".into(), None), ("some".into(), Some(Type::String))]),
        Type::Enum(vec!["red".into(), "green".into()]),
        Type::Option(Type::Option(Type::F32.into()).into()),
        Type::Result(Some(Type::U64.into()), None),
        Type::Flags(vec!["read".into(), "write".into()]),
    ];
    plain.into_iter().enumerate().map(|(number, ty)| (format!("p{number}"), ty)).collect()
}

fn every_value() -> Vec<Value> {
    let text = |text: &str| Value::String(text.to_owned());
    vec![
        Value::Bool(true),
        Value::Signed(i64::MIN),
        Value::Unsigned(u64::MAX),
        Value::F32(0.5),
        Value::F64(-1e300),
        Value::Char('ß'),
        text("a text"),
        Value::Bytes(vec![0, 127, 255]),
        Value::List(vec![text("a"), text("b")]),
        Value::Tuple(vec![Value::Bool(false), Value::Char('x')]),
        Value::Record(vec![("a".into(), Value::Signed(-1)), ("b".into(), Value::Option(None))]),
        Value::Variant("some".into(), Some(text("payload").into())),
        Value::Variant("none".into(), None),
        Value::Enum("red".into()),
        Value::Option(Some(Value::Option(None).into())),
        Value::Result(Ok(None)),
        Value::Result(Err(Some(text("why").into()))),
        Value::Flags(vec!["read".into()]),
    ]
}

async fn invites(ledger: &OverlordLedger) {
    for (minion, secret) in [("web1", "used"), ("web9", "open")] {
        let secret = Digest::of(secret.as_bytes());
        let invite = Invite { name: name(minion), secret, expires_at: T0 + 1000, used_by: None };
        ledger.put_invite(invite, registry::made()).await.unwrap();
    }
    ledger.redeem(&Digest::of(b"used"), Digest::of(b"web1"), T0).await.unwrap();
}

async fn open_jobs(ledger: &OverlordLedger) {
    let accept = async |job| ledger.accept(job, Durability::Synced).await.unwrap();
    accept(job(1, &["web1", "web2"])).await;
    accept(job(2, &["web1", "web2"])).await;
    ledger.runs(2, "web1", T0 + 3).await;
    accept(JobRecord {
        queue_until: Some(T0 + 9_000_000),
        batch: Some(Share::Percent(50)),
        max_failures: Some(Share::Count(3)),
        exclude: Some("db*".into()),
        dry_run: true,
        ..job(3, &["web1", "web2"])
    })
    .await;
    ledger.runs(3, "web1", T0 + 4).await;
    ledger.ends(3, "web2", ok(1, T0 + 5)).await;
    ledger.cancel(id(2), vec![name("web2")], T0 + 6, Durability::Synced).await.unwrap();
}

async fn ended_jobs(ledger: &OverlordLedger) {
    let accept = async |job| ledger.accept(job, Durability::Synced).await.unwrap();
    accept(JobRecord {
        operator: "bob".parse().unwrap(),
        method: "service.unit/restart".parse().unwrap(),
        arguments: Arguments::Values(every_value()),
        timeout_ms: None,
        durable: false,
        ..job(4, &["web1", "db1"])
    })
    .await;
    ledger.runs(4, "web1", T0 + 5).await;
    ledger.ends(4, "web1", full_report(T0 + 6)).await;
    ledger.ends(4, "db1", failed(FailureKind::Denied, T0 + 7)).await;

    let targets: Vec<String> = FAILURES.iter().map(|kind| format!("m-{kind}")).collect();
    let targets: Vec<&str> = targets.iter().map(String::as_str).collect();
    let arguments = Arguments::Json(r#"{"unit":"nginx"}"#.into());
    accept(JobRecord { arguments, rerun_of: Some(id(4)), ..job(5, &targets) }).await;
    for (kind, target) in FAILURES.into_iter().zip(&targets) {
        ledger.ends(5, target, failure(kind, T0 + 8)).await;
    }

    let arguments = Arguments::Words(vec![Word::Text("words".into()), Word::File(vec![1, 2, 3])]);
    accept(JobRecord { arguments, ..job(6, &["web1"]) }).await;
    ledger.ends(6, "web1", Report::without_run(Outcome::Ok(None), T0 + 9)).await;
}

fn full_report(ended_at: u64) -> Report {
    Report {
        outcome: Outcome::Ok(Some(Value::Tuple(every_value()))),
        module: Some(ModuleRef { version: Some("1.2.3".into()), digest: Digest::of(b"service") }),
        cost: Cost { wall_us: 1, cpu_us: 2, peak_memory: 3, bytes_in: 4, bytes_out: 5 },
        would: vec!["restart nginx".into(), "write /etc/nginx/nginx.conf".into()],
        ended_at,
    }
}

fn failure(kind: FailureKind, ended_at: u64) -> Report {
    let failure = Failure {
        kind,
        message: format!("it ended as {kind}"),
        value: (kind == FailureKind::Error).then(|| Value::String("no such unit".into())),
        stderr: (kind == FailureKind::Trapped).then(|| "panicked".to_owned()),
        backtrace: (kind == FailureKind::Trapped).then(|| "0: restart".to_owned()),
    };
    Report::without_run(Outcome::Failed(failure), ended_at)
}

pub(crate) async fn minion(ledger: &MinionLedger) {
    let accept = async |start: Start| {
        let number = start.job.made_at();
        ledger.accept(start, number, Durability::Synced).await.unwrap();
    };
    accept(start(1)).await;
    accept(Start { arguments: Arguments::Values(every_value()), timeout_ms: None, ..start(2) }).await;
    ledger.running(id(2), T0 + 3).await.unwrap();
    accept(Start { arguments: Arguments::Json("[1]".into()), dry_run: true, ..start(3) }).await;
    ledger.running(id(3), T0 + 4).await.unwrap();
    ledger.finished(id(3), full_report(T0 + 5), Durability::Synced).await.unwrap();
    for (number, kind) in (4..).zip(FAILURES) {
        accept(Start { durable: false, ..start(number) }).await;
        ledger.finished(id(number), failure(kind, T0 + 20), Durability::Written).await.unwrap();
        if number % 2 == 0 {
            ledger.acknowledged(id(number)).await.unwrap();
        }
    }
    let service = ledger.kv("service".parse().unwrap(), u64::MAX);
    for key in ["seen", "unit/nginx", "unit/sshd", "ünïcode"] {
        service.set(key, key.as_bytes().to_vec()).await.unwrap();
    }
    service.delete("seen").await.unwrap();
    ledger.kv("backup".parse().unwrap(), u64::MAX).set("empty", vec![]).await.unwrap();
}
