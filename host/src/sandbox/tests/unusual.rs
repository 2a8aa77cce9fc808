//! Modules with what few modules have: types that cannot be passed from outside, and very many resources of the host.

use super::{Limits, ModulePolicy, Rig, load};
use crate::sandbox::tests::OutcomeKind;
use wire::value::Value;

/// A component with a method of this parameter, and one that gives back 7.
fn beside(definitions: &str, ty: &str, flat: &str) -> String {
    format!(
        r#"(component
            (core module $m
                (memory (export "memory") 1)
                (func (export "realloc") (param i32 i32 i32 i32) (result i32) i32.const 8)
                (func (export "odd") (param {flat}))
                (func (export "even") (result i32) i32.const 7))
            (core instance $i (instantiate $m))
            {definitions}
            (func (export "odd") (param "x" {ty}) (canon lift (core func $i "odd")
                (memory (core memory $i "memory")) (realloc (core func $i "realloc"))))
            (func (export "even") (result u32) (canon lift (core func $i "even"))))"#
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_method_with_a_type_that_cannot_be_passed_is_listed_with_the_reason_and_the_others_work() {
    for (definitions, ty, flat, what) in [
        ("(type $t (map string u32))", "$t", "i32 i32", "map"),
        ("(type $t (list u8 4))", "$t", "i32 i32 i32 i32", "list of fixed length"),
        ("(type $t (list u8 1000000))", "$t", "i32", "list of fixed length"),
        ("(type $l (list u8 4)) (type $t (tuple $l))", "$t", "i32 i32 i32 i32", "list of fixed length"),
        ("", "error-context", "i32", "error-context"),
        ("(type $t (option error-context))", "$t", "i32 i32", "error-context"),
        ("(type $t (stream u8))", "$t", "i32", "stream<u8>"),
        ("(type $t (future string))", "$t", "i32", "future<string>"),
    ] {
        let rig = Rig::new(&beside(definitions, ty, flat));
        let method = rig.module.describe().method("odd").unwrap();
        let why = method.not_callable.as_ref().unwrap_or_else(|| panic!("{what} can be called"));
        assert!(why.contains(what), "{why}");
        assert_eq!(rig.value("even", "[]").await, Some(Value::Unsigned(7)), "{what}");
        assert_eq!(rig.failure("odd", "[]").await.kind.outcome(), OutcomeKind::Rejected, "{what}");
    }
}

#[test]
fn whoever_makes_error_contexts_is_refused() {
    let told = load(
        r#"(component
            (core module $m (memory (export "memory") 1))
            (core instance $i (instantiate $m))
            (core func $new (canon error-context.new (memory (core memory $i "memory")))))"#,
        &ModulePolicy::default(),
    )
    .expect_err("refused")
    .to_string();
    assert!(
        told.contains("makes values of the type error-context, which this minion does not support"),
        "{told}"
    );
}

#[test]
fn functions_of_resources_say_why_they_cannot_be_called() {
    let module = load(
        r#"(component
            (type $r (resource (rep i32)))
            (core module $m (func (export "f")) (func (export "g") (param i32)) (func (export "h") (result i32) i32.const 0))
            (core instance $i (instantiate $m))
            (component $c
                (import "t" (type $r (sub resource)))
                (import "f" (func $f))
                (import "g" (func $g (param "self" (borrow $r))))
                (import "h" (func $h (result (own $r))))
                (export $t "t" (type $r))
                (export "[static]t.f" (func $f) (func))
                (export "[method]t.g" (func $g) (func (param "self" (borrow $t))))
                (export "[constructor]t" (func $h) (func (result (own $t)))))
            (func $f (canon lift (core func $i "f")))
            (func $g (param "self" (borrow $r)) (canon lift (core func $i "g")))
            (func $h (result (own $r)) (canon lift (core func $i "h")))
            (instance $e (instantiate $c (with "t" (type $r)) (with "f" (func $f)) (with "g" (func $g)) (with "h" (func $h))))
            (export "acme:thing/things@1.0.0" (instance $e)))"#,
        &ModulePolicy::default(),
    )
    .unwrap();
    let methods = &module.describe().methods;
    let why = |name: &str| {
        let method = methods.iter().find(|method| method.name == name).unwrap();
        method.not_callable.clone().unwrap()
    };
    assert!(why("[static]t.f").contains("export it as a function of the interface"));
    assert!(why("[constructor]t").contains("makes a resource"));
    assert!(why("[method]t.g").contains("belongs to a resource"));
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_resources_may_be_held_and_the_limits_are_named() {
    const HOLD: &str = r#"(component
            (import "wasi:io/poll@0.2.0" (instance $poll (export "pollable" (type (sub resource)))))
            (alias export $poll "pollable" (type $pollable))
            (import "wasi:clocks/monotonic-clock@0.2.0" (instance $clock
                (alias outer 1 $pollable (type $outer))
                (export "pollable" (type $own (eq $outer)))
                (export "subscribe-duration" (func (param "when" u64) (result (own $own))))))
            (core func $subscribe (canon lower (func $clock "subscribe-duration")))
            (core module $m
                (import "h" "subscribe" (func $subscribe (param i64) (result i32)))
                (func (export "hold") (param i32)
                    (loop
                        (drop (call $subscribe (i64.const 0)))
                        (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))))
            (core instance $i (instantiate $m
                (with "h" (instance (export "subscribe" (func $subscribe))))))
            (func (export "hold") (param "count" u32) (canon lift (core func $i "hold"))))"#;
    // Each is two: a moment, and the pollable that waits for it.
    let rig = Rig::new(HOLD);
    rig.value("hold", "[20000]").await;
    let failure = rig.failure("hold", "[1000000]").await;
    assert_eq!(failure.kind.outcome(), OutcomeKind::Trapped);
    // Memory is looked at from time to time, and a fast guest comes to the number before that.
    let named = ["for this job (limits.held, limits.output)", "or do less in one job"];
    assert!(named.iter().any(|end| failure.message.ends_with(end)), "{}", failure.message);
    let wide = Limits { held: 1 << 30, ..Limits::default() };
    let failure = Rig::limited(HOLD, wide).failure("hold", "[1000000]").await;
    assert_eq!(failure.kind.outcome(), OutcomeKind::Trapped);
    assert!(failure.message.starts_with("held 100000 resources of the host at once"), "{}", failure.message);
}
