//! What jobs give back.

use wire::value::Value;

use super::{OutcomeKind, Rig, component};

const ADD: &str =
    "(func (export \"add\") (param i64 i64) (result i64) (i64.add (local.get 0) (local.get 1)))";
const ADD_TYPE: &str = "(param \"a\" s64) (param \"b\" s64) (result s64)";

/// Echoes what it gets: the caller's data is where `realloc` put it.
const ECHO: &str = r#"
    (memory (export "memory") 1)
    (global $free (mut i32) (i32.const 64))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (local $at i32)
        (local.set $at (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
        (global.set $free (i32.add (local.get $at) (local.get 3)))
        (if (i32.gt_u (global.get $free) (i32.mul (memory.size) (i32.const 65536)))
            (then (drop (memory.grow (i32.add (i32.const 1)
                (i32.div_u (i32.sub (global.get $free) (i32.mul (memory.size) (i32.const 65536))) (i32.const 65536)))))))
        (local.get $at))
    (func (export "echo") (param i32 i32) (result i32)
        (i32.store (i32.const 0) (local.get 0)) (i32.store (i32.const 4) (local.get 1)) (i32.const 0))
    (func (export "fail") (param i32 i32) (result i32)
        (i32.store (i32.const 0) (i32.const 1))
        (i32.store (i32.const 4) (local.get 0)) (i32.store (i32.const 8) (local.get 1)) (i32.const 0))
"#;

#[tokio::test]
async fn a_method_is_found_by_reflection_and_called_with_values() {
    let rig = Rig::new(&component(ADD, &[("add", ADD_TYPE)]));
    let method = rig.module.method("add").unwrap();
    assert_eq!(method.to_string(), "add(a: s64, b: s64) -> s64");
    assert_eq!(rig.value("add", "[2, 3]").await, Some(Value::Signed(5)));
    assert_eq!(rig.value("add", r#"{"b": 1, "a": -5}"#).await, Some(Value::Signed(-4)));
}

#[tokio::test]
async fn texts_go_in_and_come_back() {
    let rig = Rig::new(&component(ECHO, &[("echo", "(param \"text\" string) (result string)")]));
    assert_eq!(rig.value("echo", r#"["grüße"]"#).await, Some(Value::String("grüße".into())));
    let long = format!("[\"{}\"]", "x".repeat(300_000));
    assert_eq!(rig.value("echo", &long).await, Some(Value::String("x".repeat(300_000))));
}

#[tokio::test]
async fn an_error_result_is_an_error_and_no_trap() {
    let ty = "(param \"text\" string) (result (result (error string)))";
    let rig = Rig::new(&component(ECHO, &[("fail", ty)]));
    let failure = rig.failure("fail", r#"["no such unit"]"#).await;
    assert_eq!((failure.kind.outcome(), failure.message.as_str()), (OutcomeKind::Error, "no such unit"));
    assert_eq!(failure.value, Some(Value::String("no such unit".into())));
}

#[tokio::test]
async fn wrong_calls_are_rejected_before_anything_runs() {
    let rig = Rig::new(&component(ADD, &[("add", ADD_TYPE)]));
    let failure = rig.failure("ad", "[]").await;
    assert_eq!(failure.kind.as_str(), "unknown-method");
    assert!(failure.message.ends_with("did you mean guest.add?"), "{}", failure.message);
    let failure = rig.failure("add", "[2, \"x\"]").await;
    assert_eq!(failure.kind.as_str(), "bad-arguments");
    assert!(failure.message.contains("argument \"b\""), "{}", failure.message);
    assert_eq!(rig.module.counters().outcomes[&OutcomeKind::Rejected], 2);
}

#[tokio::test]
async fn methods_with_resources_or_streams_are_listed_and_not_callable() {
    let rig = Rig::new(
        r#"(component
            (core module $m (func (export "f") (param i32)) (func (export "g") (param i32)))
            (core instance $i (instantiate $m))
            (type $r' (resource (rep i32)))
            (export $r "thing" (type $r'))
            (func (export "use") (param "it" (own $r)) (canon lift (core func $i "f"))))"#,
    );
    let method = rig.module.method("use").unwrap();
    assert_eq!(method.not_callable.as_deref(), Some("its signature has a resource"));
    let failure = rig.failure("use", "[1]").await;
    assert_eq!(failure.kind.as_str(), "unknown-method");
    assert!(failure.message.contains("cannot be called from outside"), "{}", failure.message);
}

#[tokio::test]
async fn each_job_begins_with_a_fresh_instance() {
    let core = r#"(global $n (mut i32) (i32.const 0))
        (func (export "next") (result i32)
            (global.set $n (i32.add (global.get $n) (i32.const 1))) (global.get $n))"#;
    let rig = Rig::new(&component(core, &[("next", "(result s32)")]));
    for _ in 0..3 {
        assert_eq!(rig.value("next", "[]").await, Some(Value::Signed(1)));
    }
}

#[tokio::test]
async fn an_async_function_is_called_like_any_other() {
    let rig = Rig::new(
        r#"(component
            (core module $m
                (import "" "return" (func $return (param i32)))
                (func (export "f") (param i32) (result i32) (call $return (local.get 0)) (i32.const 0))
                (func (export "callback") (param i32 i32 i32) (result i32) unreachable))
            (core func $return (canon task.return (result u32)))
            (core instance $i (instantiate $m (with "" (instance (export "return" (func $return))))))
            (func (export "f") async (param "x" u32) (result u32)
                (canon lift (core func $i "f") async (callback (core func $i "callback")))))"#,
    );
    assert!(rig.module.method("f").unwrap().is_async);
    assert_eq!(rig.value("f", "[7]").await, Some(Value::Unsigned(7)));
}

#[tokio::test]
async fn a_report_says_what_ran_and_what_it_cost() {
    let rig = Rig::new(&component(ECHO, &[("echo", "(param \"text\" string) (result string)")]));
    let report = rig.report("echo", r#"["word"]"#).await;
    assert_eq!(report.module.unwrap().digest, rig.module.describe().digest);
    assert_eq!((report.cost.bytes_in, report.cost.bytes_out), (4, 4));
    assert_eq!(report.cost.peak_memory, 64 << 10);
    assert!(report.cost.cpu_us > 0 && report.cost.wall_us > 0);
}
