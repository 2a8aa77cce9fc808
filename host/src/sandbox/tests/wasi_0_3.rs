//! Modules that are built for WASI 0.3.

use wire::value::Value;

use super::capabilities::granted;
use super::{ModulePolicy, Rig, load};
use crate::sandbox::dry_run::RunMode;

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

/// The types of files of WASI 0.3, the granted folders, and one function with a path of them.
fn files(function: &str, params: &str, result: &str) -> String {
    format!(
        r#"(import "wasi:filesystem/types@0.3.0" (instance $t
                (export "descriptor" (type $d (sub resource)))
                (type $e (variant (case "access") (case "already") (case "bad-descriptor") (case "busy")
                    (case "deadlock") (case "quota") (case "exist") (case "file-too-large")
                    (case "illegal-byte-sequence") (case "in-progress") (case "interrupted") (case "invalid")
                    (case "io") (case "is-directory") (case "loop") (case "too-many-links") (case "message-size")
                    (case "name-too-long") (case "no-device") (case "no-entry") (case "no-lock")
                    (case "insufficient-memory") (case "insufficient-space") (case "not-directory")
                    (case "not-empty") (case "not-recoverable") (case "unsupported") (case "no-tty")
                    (case "no-such-device") (case "overflow") (case "not-permitted") (case "pipe")
                    (case "read-only") (case "invalid-seek") (case "text-file-busy") (case "cross-device")
                    (case "other" (option string))))
                (export "error-code" (type $error (eq $e)))
                (type $pf (flags "symlink-follow"))
                (export "path-flags" (type $path-flags (eq $pf)))
                (type $of (flags "create" "directory" "exclusive" "truncate"))
                (export "open-flags" (type $open-flags (eq $of)))
                (type $df (flags "read" "write" "file-integrity-sync" "data-integrity-sync"
                    "requested-write-sync" "mutate-directory"))
                (export "descriptor-flags" (type $descriptor-flags (eq $df)))
                (export "[method]descriptor.{function}" (func async (param "self" (borrow $d)) {params}
                    (result (result {result} (error $error)))))))
           (alias export $t "descriptor" (type $d))
           (import "wasi:filesystem/preopens@0.3.0" (instance $x
                (alias outer 1 $d (type $outer))
                (export "descriptor" (type $inner (eq $outer)))
                (export "get-directories" (func (result (list (tuple (own $inner) string)))))))"#
    )
}

/// A component whose method calls a function of files with a path in its first granted folder, and gives back how many
/// folders there are, and behind that what it was answered: 0 or the error, one more than its place.
fn with_path(function: &str, path: &str, between: &str, behind: &str, params: &str, result: &str) -> String {
    let imports = files(function, params, result);
    let (words, length) = (path.escape_default(), path.len());
    let (core_between, core_behind) = (consts(between), consts(behind));
    format!(
        r#"(component
            {imports}
            (core module $libc
                (memory (export "memory") 1)
                (data (i32.const 64) "{words}")
                (global $next (mut i32) (i32.const 1024))
                (func (export "realloc") (param i32 i32 i32 i32) (result i32)
                    global.get $next
                    (global.set $next (i32.add (global.get $next)
                        (i32.and (i32.add (local.get 3) (i32.const 7)) (i32.const -8))))))
            (core instance $libc (instantiate $libc))
            (core func $folders (canon lower (func $x "get-directories") {OPTIONS}))
            (core func $call (canon lower (func $t "[method]descriptor.{function}") {OPTIONS}))
            (core module $m
                (import "libc" "memory" (memory 1))
                (import "host" "folders" (func $folders (param i32)))
                (import "host" "call" (func $call (param i32 {between} i32 i32 {behind} i32)))
                (func (export "f") (result i32)
                    (call $folders (i32.const 512))
                    (if (i32.eqz (i32.load (i32.const 516))) (then (return (i32.const 0))))
                    (call $call (i32.load (i32.load (i32.const 512))) {core_between}
                        (i32.const 64) (i32.const {length}) {core_behind} (i32.const 768))
                    (i32.add (i32.mul (i32.load (i32.const 516)) (i32.const 100))
                        (i32.mul (i32.load8_u (i32.const 768))
                            (i32.add (i32.const 1) (i32.load8_u (i32.const 772)))))))
            (core instance $i (instantiate $m
                (with "libc" (instance $libc))
                (with "host" (instance
                    (export "folders" (func $folders)) (export "call" (func $call))))))
            (func (export "f") async (result u32) (canon lift (core func $i "f"))))"#
    )
}

/// Flags that are all zero but for reading, one constant for each word.
fn consts(words: &str) -> String {
    words.split_whitespace().map(|_| "(i32.const 1)").collect()
}

/// Makes a folder.
fn makes(path: &str) -> String {
    with_path("create-directory-at", path, "", "", r#"(param "path" string)"#, "")
}

/// Opens a file to read it; of its open flags none is set but one, which is that it be made.
fn opens(path: &str) -> String {
    let params = r#"(param "path-flags" $path-flags) (param "path" string) (param "open-flags" $open-flags)
        (param "flags" $descriptor-flags)"#;
    with_path("open-at", path, "i32", "i32 i32", params, "(own $d)").replacen(
        "(i32.const 1)(i32.const 1)",
        "(i32.const 0)(i32.const 1)",
        1,
    )
}

/// What is answered where it works, and in these errors of `error-code`.
const DONE: u64 = 100;
const NOT_PERMITTED: u64 = 131;
const READ_ONLY: u64 = 133;

#[tokio::test(flavor = "multi_thread")]
async fn folders_of_0_3_are_the_granted_ones_with_the_same_in_front() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file"), "text").unwrap();
    std::fs::write(folder.path().join("secret"), "text").unwrap();
    let fifo = std::ffi::CString::new(folder.path().join("fifo").to_str().unwrap()).unwrap();
    nix::unistd::mkfifo(fifo.as_c_str(), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let grant = |more: &str| {
        granted(&format!("files = [{{ host = '{}', guest = '/data'{more} }}]", folder.path().display()))
    };
    let answer = async |component: &str, policy: &ModulePolicy| {
        let rig = Rig::with(component, policy);
        let value = rig.value("f", "[]").await;
        let denied = rig.events.denied.lock().unwrap().iter().any(|denial| denial.capability == "files");
        (value, denied)
    };
    let is = |number: u64| Some(Value::Unsigned(number));
    // Without a grant there is none, and of one that shows only some there is nothing by way of 0.3.
    assert_eq!(answer(&opens("file"), &ModulePolicy::default()).await.0, is(0));
    assert_eq!(answer(&opens("file"), &grant(", only = ['file']")).await.0, is(0));
    assert_eq!(answer(&opens("file"), &grant("")).await, (is(DONE), false));
    assert_eq!(answer(&opens("fifo"), &grant(", mode = 'rw'")).await, (is(NOT_PERMITTED), true));
    assert_eq!(answer(&opens("../x"), &grant("")).await, (is(NOT_PERMITTED), true));

    let made = folder.path().join("made");
    let (refused, denied) = answer(&makes("made"), &grant("")).await;
    assert!(refused == is(NOT_PERMITTED) || refused == is(READ_ONLY), "{refused:?}");
    assert!(denied && !made.exists());
    let dry = Rig { mode: RunMode::Dry, ..Rig::with(&makes("made"), &grant(", mode = 'rw'")) };
    let report = dry.report("f", "[]").await;
    assert_eq!(report.would, ["make the folder /data/made"]);
    assert!(!made.exists());
    assert_eq!(answer(&makes("made"), &grant(", mode = 'rw'")).await, (is(DONE), false));
    assert!(made.is_dir());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_socket_is_to_be_had_by_way_of_0_3() {
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

#[test]
fn http_of_0_3_is_refused_by_name() {
    let component = r#"(component (import "wasi:http/client@0.3.0" (instance (export "send" (func)))))"#;
    let error = load(component, &ModulePolicy::default()).expect_err("loaded").to_string();
    assert!(error.contains("wasi:http/client@0.3.0") && error.contains("of wasi:http it has"), "{error}");
}
