//! Modules that are built for WASI 0.3.

use wire::value::Value;

use super::capabilities::granted;
use super::{ModulePolicy, Rig, load};

/// A component with these imports and core functions for them, and one method that is the core function `f`.
fn component(imports: &str, lowered: &str, core: &str, method: &str) -> String {
    format!(
        r#"(component
            {imports}
            (core module $libc
                (memory (export "memory") 1)
                (func (export "realloc") (param i32 i32 i32 i32) (result i32) i32.const 1024))
            (core instance $libc (instantiate $libc))
            {lowered}
            (core module $m
                (import "libc" "memory" (memory 1))
                (import "host" "call" {core}
            (core instance $i (instantiate $m
                (with "libc" (instance $libc))
                (with "host" (instance (export "call" (func $call))))))
            (func (export "f") {method} (canon lift (core func $i "f"))))"#
    )
}

const OPTIONS: &str = r#"(memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))"#;

/// Of a function that returns a list: how many elements it has.
const LENGTH: &str = r#"(func $call (param i32)))
    (func (export "f") (result i32) (call $call (i32.const 512)) (i32.load (i32.const 516))))"#;

#[tokio::test(flavor = "multi_thread")]
async fn clocks_and_random_numbers_of_0_3_are_there() {
    for (interface, function, method, ty) in [
        ("wasi:random/random@0.3.0", "get-random-u64", "u64", "i64"),
        ("wasi:clocks/monotonic-clock@0.3.0", "now", "u64", "i64"),
    ] {
        let rig = Rig::new(&component(
            &format!(
                r#"(import "{interface}" (instance $x (export "{function}" (func (result {method})))))"#
            ),
            &format!(r#"(core func $call (canon lower (func $x "{function}")))"#),
            &format!(r#"(func $call (result {ty}))) (func (export "f") (result {ty}) call $call))"#),
            &format!("(result {method})"),
        ));
        let value = rig.value("f", "[]").await;
        assert!(matches!(value, Some(Value::Unsigned(1..))), "{interface}: {value:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_environment_of_0_3_is_the_granted_one() {
    let module = component(
        r#"(import "wasi:cli/environment@0.3.0" (instance $x
            (export "get-environment" (func (result (list (tuple string string)))))))"#,
        &format!(r#"(core func $call (canon lower (func $x "get-environment") {OPTIONS}))"#),
        LENGTH,
        "(result u32)",
    );
    assert_eq!(Rig::new(&module).value("f", "[]").await, Some(Value::Unsigned(0)));
    let rig = Rig::with(&module, &granted("env = ['PATH']"));
    assert_eq!(rig.value("f", "[]").await, Some(Value::Unsigned(1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_folder_and_no_socket_is_to_be_had_by_way_of_0_3_whatever_is_granted() {
    let folder = tempfile::tempdir().unwrap();
    let folders = component(
        r#"(import "wasi:filesystem/types@0.3.0" (instance $t (export "descriptor" (type (sub resource)))))
           (alias export $t "descriptor" (type $d))
           (import "wasi:filesystem/preopens@0.3.0" (instance $x
                (alias outer 1 $d (type $outer))
                (export "descriptor" (type $inner (eq $outer)))
                (export "get-directories" (func (result (list (tuple (own $inner) string)))))))"#,
        &format!(r#"(core func $call (canon lower (func $x "get-directories") {OPTIONS}))"#),
        LENGTH,
        "(result u32)",
    );
    let files = format!("files = [{{ host = '{}', guest = '/data', mode = 'rw' }}]", folder.path().display());
    let rig = Rig::with(&folders, &granted(&files));
    assert_eq!(rig.value("f", "[]").await, Some(Value::Unsigned(0)));

    let sockets = component(
        r#"(import "wasi:sockets/types@0.3.0" (instance $x
            (type $f (enum "ipv4" "ipv6"))
            (export "ip-address-family" (type $family (eq $f)))
            (type $e (variant (case "access-denied") (case "not-supported") (case "invalid-argument")
                (case "out-of-memory") (case "timeout") (case "invalid-state") (case "address-not-bindable")
                (case "address-in-use") (case "remote-unreachable") (case "connection-refused")
                (case "connection-broken") (case "connection-reset") (case "connection-aborted")
                (case "datagram-too-large") (case "other" (option string))))
            (export "error-code" (type $error (eq $e)))
            (export "tcp-socket" (type $socket (sub resource)))
            (export "[static]tcp-socket.create"
                (func (param "address-family" $family) (result (result (own $socket) (error $error)))))))"#,
        &format!(r#"(core func $call (canon lower (func $x "[static]tcp-socket.create") {OPTIONS}))"#),
        // The discriminant of the result, and behind it that of the error: an error, and of access.
        r#"(func $call (param i32 i32)))
            (func (export "f") (result i32)
                (call $call (i32.const 0) (i32.const 512))
                (i32.or (i32.shl (i32.load8_u (i32.const 512)) (i32.const 8)) (i32.load8_u (i32.const 516)))))"#,
        "(result u32)",
    );
    let rig = Rig::new(&sockets);
    assert_eq!(rig.value("f", "[]").await, Some(Value::Unsigned(256)), "made a socket");
    assert!(
        rig.events.denied.lock().unwrap().iter().any(|denial| denial.capability == "sockets"),
        "it is not in the audit log"
    );
}

/// A guest that takes its folder by way of 0.2 and opens `secret` in it by way of 0.3.
const BOTH: &str = include_str!("files_of_both_versions.wat");

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_of_0_2_leads_nowhere_by_way_of_0_3() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["file", "secret"] {
        std::fs::write(folder.path().join(name), "TOP SECRET").unwrap();
    }
    let host = folder.path().display();
    for more in ["", ", only = ['file']"] {
        let rig =
            Rig::with(BOTH, &granted(&format!("files = [{{ host = '{host}', guest = '/data'{more} }}]")));
        let failure = rig.failure("f", "[]").await;
        assert!(failure.message.contains("not present"), "{}", failure.message);
    }
}

#[test]
fn http_of_0_3_is_refused_by_name() {
    let component = r#"(component (import "wasi:http/client@0.3.0" (instance (export "send" (func)))))"#;
    let error = load(component, &ModulePolicy::default()).expect_err("loaded").to_string();
    assert!(error.contains("wasi:http/client@0.3.0") && error.contains("of wasi:http it has"), "{error}");
}
