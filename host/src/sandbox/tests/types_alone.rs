//! Imports that are types alone: they need nothing of the host.

use super::{ModulePolicy, Rig, load, of_wit, sandbox};
use crate::sandbox::claim;
use wire::value::Value;

const WIT: &str = "
    package my:geo@0.1.0;
    interface types { record point { x: u32, y: u32 } variant shape { dot, at(point) } }
    interface more { use types.{point}; record line { start: point, end: point } }
    interface geo { use types.{point, shape}; use more.{line}; area: func(p: point) -> u32; draw: func(s: shape, l: line); }
    world module { record mine { p: u32 } export geo; export total: func(o: mine) -> u32; }
";
const CORE: &str = r#"(module
    (memory (export "memory") 1)
    (func (export "my:geo/geo@0.1.0#area") (param i32 i32) (result i32)
        (i32.mul (local.get 0) (local.get 1)))
    (func (export "my:geo/geo@0.1.0#draw") (param i32 i32 i32 i32 i32 i32 i32))
    (func (export "total") (param i32) (result i32) local.get 0))"#;

fn geo() -> Vec<u8> {
    of_wit(WIT, CORE)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_module_whose_types_have_a_home_of_their_own_is_loaded_and_its_methods_called() {
    let bytes = geo();
    let module = sandbox().load("guest".parse().unwrap(), &bytes, &ModulePolicy::default()).unwrap();
    assert_eq!(module.describe().imports, [""; 0]);
    let rig = Rig::of(module);
    assert_eq!(rig.value("area", r#"[{"x": 6, "y": 7}]"#).await, Some(Value::Unsigned(42)));
    assert_eq!(rig.value("total", r#"[{"p": 5}]"#).await, Some(Value::Unsigned(5)));
    // A signature vouches for all that is in the bytes, as it always did.
    let claim = claim("guest".parse().unwrap(), &bytes).unwrap();
    assert!(claim.imports().iter().any(|import| import == "my:geo/types@0.1.0"), "{:?}", claim.imports());
}

#[test]
fn a_check_says_nothing_of_imports_that_are_types_alone() {
    let check = sandbox().check("guest".parse().unwrap(), &geo(), &ModulePolicy::default());
    assert!(check.imports.is_empty() && check.problems.is_empty(), "{check:?}");
    assert_eq!(check.module.unwrap().imports, [""; 0]);
}

#[test]
fn types_need_no_host_at_the_root_nor_in_instances_nor_in_instances_of_instances() {
    for import in [
        r#"(type $u u32) (import "p" (type (eq $u)))"#,
        r#"(type $r (record (field "x" u32))) (import "p" (type (eq $r)))"#,
        r#"(import "i" (instance))"#,
        r#"(type $u u8) (import "a:b/c@9.9.9" (instance (alias outer 1 $u (type $v)) (export "t" (type (eq $v)))
            (export "i" (instance (alias outer 2 $u (type $w)) (export "t" (type (eq $w)))))))"#,
        r#"(import "a:b/c" (instance (export "i" (instance))))"#,
        // Of what the minion has too: in any version, and without a grant.
        r#"(import "minion:kv/kv@0.1.0" (instance (type $e (variant (case "full"))) (export "error" (type (eq $e)))))"#,
        r#"(import "wasi:clocks/wall-clock@0.3.0" (instance (type $d (record (field "s" u64))) (export "datetime" (type (eq $d)))))"#,
    ] {
        let module = load(&format!("(component {import})"), &ModulePolicy::default());
        let module = module.unwrap_or_else(|error| panic!("{import}: {error}"));
        assert_eq!(module.describe().imports, [""; 0], "{import}");
    }
}

#[test]
fn whatever_somebody_has_to_make_still_needs_a_host() {
    for import in [
        r#"(import "a:b/c" (func))"#,
        r#"(import "a:b/c" (type (sub resource)))"#,
        r#"(import "a:b/c" (instance (export "f" (func))))"#,
        r#"(import "a:b/c" (instance (type $u u8) (export "t" (type (eq $u))) (export "r" (type (sub resource)))))"#,
        r#"(import "a:b/c" (instance (export "i" (instance (export "f" (func))))))"#,
        r#"(import "a:b/c" (core module))"#,
        r#"(import "a:b/c" (component))"#,
        r#"(import "minion:kv/kv@0.1.0" (instance (export "f" (func))))"#,
    ] {
        let told = load(&format!("(component {import})"), &ModulePolicy::default()).expect_err(import);
        assert!(told.to_string().contains("needs \""), "{told}");
    }
}

#[test]
fn instances_that_would_be_as_many_as_stars_are_looked_at_once_each() {
    let step = |n: usize| {
        format!(
            "(type $i{n} (instance (alias outer 1 $i{0} (type $a)) (export \"a\" (instance (type $a))) (export \"b\" (instance (type $a)))))",
            n - 1
        )
    };
    let steps: String = (1..60).map(step).collect();
    let text = format!("(component (type $i0 (instance)) {steps} (import \"i\" (instance (type $i59))))");
    let bytes = wat::parse_str(text).unwrap();
    // The validator has a bound of its own on what a type is worth; either way it ends at once.
    let _ = sandbox().load("guest".parse().unwrap(), &bytes, &ModulePolicy::default());
}
