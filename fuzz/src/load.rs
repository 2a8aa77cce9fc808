//! Modules, from any bytes.

use std::borrow::Cow;
use std::sync::LazyLock;

use minion_host::policy::ModulePolicy;
use minion_host::sandbox::{DOCS_SECTION, Sandbox, SandboxConfig};
use wasm_encoder::{ComponentSection as _, CustomSection};
use wit_parser::Resolve;
use xtask::guests::{Workspace, build};

/// Nothing that is said of a module is longer, in bytes.
const MAX_LINE: usize = 64 << 10;

/// Loads these bytes as a module, under a policy that grants nothing and without a cache, and says whether
/// they are one.
///
/// Panics where a refusal, a warning or the description is not one line that leaves a terminal alone.
pub fn load(bytes: &[u8]) -> bool {
    static SANDBOX: LazyLock<Sandbox> =
        LazyLock::new(|| Sandbox::new(SandboxConfig::default()).expect("this machine can run modules"));
    match SANDBOX.load("fuzzed".parse().expect("a name"), bytes, &ModulePolicy::default()) {
        Ok(module) => {
            let described = module.describe();
            let lines = [&described.version, &described.description].into_iter().flatten();
            for line in lines.chain(module.warnings()) {
                assert!(is_line(line), "{line:?}");
            }
            true
        }
        Err(error) => {
            let told = error.to_string();
            assert!(told.starts_with("module \"fuzzed\" ") && is_line(&told), "{told:?}");
            false
        }
    }
}

fn is_line(text: &str) -> bool {
    text.len() < MAX_LINE && !text.contains(char::is_control)
}

/// Small components of every make, and a few real ones.
pub(crate) fn corpus() -> anyhow::Result<Vec<Vec<u8>>> {
    let mut corpus = SMALL.iter().map(wat::parse_str).collect::<Result<Vec<_>, _>>()?;
    corpus.push(documented(corpus[1].clone())?);
    let (plugins, fixtures) = (build(Workspace::Plugins)?, build(Workspace::Fixtures)?);
    for real in [plugins.join("test.wasm"), fixtures.join("async_guest.wasm"), fixtures.join("values.wasm")] {
        corpus.push(std::fs::read(real)?);
    }
    Ok(corpus)
}

/// The component with documentation for a stranger's interface in it.
fn documented(mut component: Vec<u8>) -> anyhow::Result<Vec<u8>> {
    let mut resolve = Resolve::default();
    let package = resolve.push_str("docs.wit", DOCS)?;
    let data = Cow::Owned(wit_component::encode(&resolve, package)?);
    CustomSection { name: DOCS_SECTION.into(), data }.append_to_component(&mut component);
    Ok(component)
}

const DOCS: &str = "
    /// All about it.
    package acme:tools@1.0.0;
    interface tools {
        record entry { name: string, size: option<u64> }
        variant find { none, one(entry), many(list<entry>) }
        /// Looks.
        look: func(at: list<u8>, how: result<u32, string>) -> find;
    }
    world module { export tools; /// Answers.
        export f: func(x: u32) -> string; }";

const SMALL: [&str; 12] = [
    "(component)",
    r#"(component
        (core module $m (memory (export "memory") 1)
            (func (export "f") (param i32) (result i32) (i32.store (i32.const 0) (local.get 0)) (i32.const 4)))
        (core instance $i (instantiate $m))
        (func (export "f") (param "x" u32) (result string)
            (canon lift (core func $i "f") (memory (core memory $i "memory")))))"#,
    r#"(component
        (core module $m (memory (export "memory") 1) (table 2 funcref) (global (mut i64) (i64.const 1))
            (func $s) (start $s) (elem (i32.const 0) func $s) (data (i32.const 8) "abc")
            (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 16))
            (func (export "f") (param i32 i32) (result i32) (loop (br_if 0 (local.get 0))) (i32.const 0)))
        (core instance $i (instantiate $m))
        (func (export "f") (param "x" string) (result (list u8))
            (canon lift (core func $i "f") (memory (core memory $i "memory"))
                (realloc (core func $i "realloc")))))"#,
    r#"(component
        (core module $m (func (export "f") (param i32 i32 i32 f64) (result i32) (i32.const 1)))
        (core instance $i (instantiate $m))
        (type $e (enum "dark" "light")) (export $shade "shade" (type $e))
        (type $g (flags "read" "write")) (export $rights "rights" (type $g))
        (type $r (record (field "shade" $shade) (field "rights" $rights))) (export $both "both" (type $r))
        (type $v (variant (case "nothing") (case "size" float64))) (export $shape "shape" (type $v))
        (func (export "f") (param "both" $both) (param "shape" $shape) (result bool)
            (canon lift (core func $i "f"))))"#,
    r#"(component
        (core module $m (func (export "f")))
        (core instance $i (instantiate $m))
        (func $f (canon lift (core func $i "f")))
        (instance $unit (export "restart" (func $f)))
        (export "acme:service/unit@1.0.0" (instance $unit))
        (export "acme:service/timer@1.0.0" (instance $unit))
        (export "wasi:cli/run@0.2.0" (instance $unit))
        (export "ping" (func $f)))"#,
    r#"(component
        (type $r (resource (rep i32))) (export $file "file" (type $r))
        (core module $m (func (export "f") (param i32)))
        (core instance $i (instantiate $m))
        (func (export "f") (param "x" (own $file)) (canon lift (core func $i "f"))))"#,
    r#"(component
        (import "wasi:cli/environment@0.2.0" (instance $env
            (export "get-arguments" (func (result (list string))))))
        (import "wasi:clocks/monotonic-clock@0.2.0" (instance (export "now" (func (result u64))))))"#,
    r#"(component (import "minion:job/job@0.1.0" (instance $job (export "cancelled" (func (result bool)))))
        (core func $c (canon lower (func $job "cancelled")))
        (core module $m (import "h" "c" (func (result i32))) (export "f" (func 0)))
        (core instance $i (instantiate $m (with "h" (instance (export "c" (func $c))))))
        (func (export "f") (result bool) (canon lift (core func $i "f"))))"#,
    r#"(component
        (import "minion:kv/kv@0.1.0" (instance))
        (import "minion:facts/facts@9.0.0" (instance))
        (import "acme:thing/thing" (func)))"#,
    r#"(component
        (component $inner
            (import "m" (core module $m (export "f" (func (result i32)))))
            (core instance $i (instantiate $m))
            (func (export "f") (result s32) (canon lift (core func $i "f"))))
        (core module $m (func (export "f") (result i32) (i32.const 7)))
        (instance $a (instantiate $inner (with "m" (core module $m))))
        (instance $b (instantiate $inner (with "m" (core module $m))))
        (alias export $a "f" (func $f))
        (export "f" (func $f))
        (export "acme:inner/again" (instance $b)))"#,
    r#"(module (memory 1) (func (export "f") (param i32 i64) (result f32) (f32.const 1)))"#,
    r#"(component
        (core module $m
            (memory (export "memory") 3 9) (memory 1) (table 100 funcref) (table 5 externref)
            (func (export "f") (param v128) (result v128) (i8x16.add (local.get 0) (local.get 0)))
            (func (export "g") (result i64 i64) (i64.const 1) (i64.const 2))
            (func (export "h") (unreachable)))
        (core instance $i (instantiate $m))
        (func (export "h") (canon lift (core func $i "h"))))"#,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn most_modules_are_loaded_before_they_are_damaged() {
        let corpus = corpus().expect("a corpus");
        let refused: Vec<usize> = (0..corpus.len()).filter(|&n| !load(&corpus[n])).collect();
        // The core module, and what imports what there is not or what is not granted.
        assert_eq!(refused, [8, 10]);
    }
}
