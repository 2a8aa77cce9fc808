//! Modules that are built for WASI 0.3.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use wire::message::job::OutcomeKind;
use wire::message::outcome::Outcome;
use wire::value::Value;

use super::capabilities::{granted, json};
use super::guests::rig;
use super::{ModulePolicy, Rig};
use crate::sandbox::run::dry_run::RunMode;

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

/// A guest that takes its folder by way of 0.2 and opens `secret` in it by way of 0.3.
const BOTH: &str = include_str!("files_of_both_versions.wat");

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_of_0_2_shows_no_more_by_way_of_0_3() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["file", "secret"] {
        fs::write(folder.path().join(name), "TOP SECRET").unwrap();
    }
    for (only, told) in [("", "TOP SECRET"), (", only = ['file']", "refused")] {
        let host = folder.path().display();
        let files = format!("files = [{{ host = '{host}', guest = '/data'{only} }}]");
        let rig = Rig::with(BOTH, &granted(&files));
        assert_eq!(rig.value("f", "[]").await, Some(Value::String(told.into())), "{only}");
        assert_eq!(denied(&rig).is_empty(), only.is_empty());
    }
}

/// The guest `later` with a folder, of which this is granted besides; other lines of its table follow.
fn with_folder(folder: &Path, more: &str, lines: &str) -> Rig {
    let files = format!("files = [{{ host = '{}', guest = '/data'{more} }}]", folder.display());
    rig("later", granted(&format!("{files}\n{lines}")))
}

/// What was denied, as the audit log has it.
fn denied(rig: &Rig) -> Vec<String> {
    rig.events.denied.lock().unwrap().iter().map(|denial| denial.attempt.clone()).collect()
}

/// The error value of a call that gives one.
async fn refused(rig: &Rig, method: &str, arguments: &str) -> String {
    let failure = rig.failure(method, arguments).await;
    assert_eq!(failure.kind.outcome(), OutcomeKind::Error, "{}", failure.message);
    failure.message
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_0_3_are_read_written_and_listed() {
    let folder = tempfile::tempdir().unwrap();
    let long = "0123456789".repeat(10_000);
    fs::write(folder.path().join("long"), &long).unwrap();
    let rig = with_folder(folder.path(), ", mode = 'rw'", "");
    assert_eq!(rig.value("read", r#"["long"]"#).await, Some(Value::String(long.clone())));
    assert_eq!(rig.value("size", r#"["long"]"#).await, Some(Value::Unsigned(100_000)));
    rig.value("write", &format!(r#"["new", "{long}", 0]"#)).await;
    rig.value("write", r#"["new", "end", null]"#).await;
    rig.value("write", r#"["new", "begin", 0]"#).await;
    let written = fs::read_to_string(folder.path().join("new")).unwrap();
    assert!(written.starts_with("begin5678") && written.ends_with("6789end"), "{written}");
    rig.value("make-folder", r#"["folder"]"#).await;
    rig.value("rename", r#"["new", "folder/moved"]"#).await;
    let names = json(rig.value("entries", r#"["."]"#).await);
    assert_eq!(
        names,
        serde_json::json!(["folder: DescriptorType::Directory", "long: DescriptorType::RegularFile"])
    );
    for number in 0..500 {
        fs::write(folder.path().join(format!("folder/{number}")), "").unwrap();
    }
    let names = json(rig.value("entries", r#"["folder"]"#).await);
    assert_eq!(names.as_array().unwrap().len(), 501);
    assert!(refused(&rig, "entries", r#"["long"]"#).await.contains("NotDirectory"));
    assert_eq!(denied(&rig), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_granted_is_not_to_be_had_by_way_of_0_3() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), "text").unwrap();
    fs::write(folder.path().join("secret"), "text").unwrap();
    std::os::unix::fs::symlink("secret", folder.path().join("link")).unwrap();
    let fifo = folder.path().join("fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();

    assert_eq!(refused(&rig("later", ModulePolicy::default()), "read", r#"["file"]"#).await, "no folder");

    let reads = with_folder(folder.path(), "", "");
    for (method, arguments) in [
        ("write", r#"["file", "x", 0]"#),
        ("write", r#"["new", "x", null]"#),
        ("make-folder", r#"["new"]"#),
        ("rename", r#"["file", "new"]"#),
        ("symbolic-link", r#"["file", "new"]"#),
        ("read", r#"["../x"]"#),
        ("read", r#"["fifo"]"#),
    ] {
        let told = refused(&reads, method, arguments).await;
        assert!(told.contains("NotPermitted") || told.contains("ReadOnly"), "{method} {arguments}: {told}");
    }
    assert_eq!(denied(&reads).len(), 7, "{:?}", denied(&reads));

    let some = with_folder(folder.path(), ", only = ['file', 'link']", "");
    assert_eq!(some.value("read", r#"["file"]"#).await, Some(Value::String("text".into())));
    for (method, path) in [
        ("read", "secret"),
        ("read", "link"),
        ("read", "./file/../secret"),
        ("size", "secret"),
        ("size", "link"),
        ("target", "secret"),
        ("entries", "."),
    ] {
        let told = refused(&some, method, &format!("[\"{path}\"]")).await;
        assert!(told.contains("NotPermitted"), "{method} {path}: {told}");
    }
    assert_eq!(denied(&some).len(), 7, "{:?}", denied(&some));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_records_changes_of_0_3() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), "text").unwrap();
    let rig = Rig { mode: RunMode::Dry, ..with_folder(folder.path(), ", mode = 'rw', symlinks = true", "") };
    assert_eq!(rig.value("read", r#"["file"]"#).await, Some(Value::String("text".into())));
    for (method, arguments, would) in [
        ("write", r#"["file", "x", 0]"#, "write /data/file"),
        ("make-folder", r#"["new"]"#, "make the folder /data/new"),
        ("rename", r#"["file", "new"]"#, "rename /data/file to /data/new"),
        ("symbolic-link", r#"["file", "new"]"#, "make the link /data/new"),
    ] {
        assert_eq!(rig.report(method, arguments).await.would, [would]);
    }
    assert_eq!(fs::read_to_string(folder.path().join("file")).unwrap(), "text");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_link_is_made_to_lead_elsewhere_by_way_of_0_3() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::create_dir_all(path("deep/folder")).unwrap();
    std::os::unix::fs::symlink("../../outside", path("deep/folder/link")).unwrap();
    let rig = with_folder(folder.path(), ", mode = 'rw'", "");
    for (method, arguments) in [
        ("symbolic-link", r#"["/etc/passwd", "new"]"#),
        ("rename", r#"["deep/folder/link", "new"]"#),
        ("rename", r#"["deep/folder", "new"]"#),
    ] {
        assert!(refused(&rig, method, arguments).await.contains("NotPermitted"), "{method} {arguments}");
    }
    // What is looked at is what is moved, also where two calls run beside each other.
    for _ in 0..200 {
        let _ = rig.report("race", r#"["deep/folder", "deep/other", "new"]"#).await;
        assert!(!path("new").exists(), "a folder with a link was moved up");
        let _ = fs::rename(path("deep/other"), path("deep/folder"));
    }
    let allowed = with_folder(folder.path(), ", mode = 'rw', symlinks = true", "");
    allowed.value("symbolic-link", r#"["deep", "new"]"#).await;
    assert_eq!(allowed.value("target", r#"["new"]"#).await, Some(Value::String("deep".into())));
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_of_0_3_take_descriptors_and_memory_for_as_long_as_they_are_there() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), "text").unwrap();
    let few = with_folder(folder.path(), "", "limits = { descriptors = 20 }");
    few.value("read-often", r#"["file", 1000]"#).await;
    // One is the folder.
    assert_eq!(few.value("keep-streams", r#"["file", 100]"#).await, Some(Value::Unsigned(19)));
    let failure = with_folder(folder.path(), "", "").failure("keep-listings", r#"[".", 20000]"#).await;
    assert!(failure.message.contains("limits.held"), "{}", failure.message);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_0_3_ends_before_the_next_one_also_when_it_is_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let rig = with_folder(folder.path(), ", mode = 'rw'", "");
    for number in 0..100 {
        rig.value("give-up", &format!(r#"["up-{number}", "other-{number}"]"#)).await;
        assert!(folder.path().join(format!("up-{number}")).exists(), "{number} was still to come");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_opened_by_way_of_0_3_is_what_was_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), "text").unwrap();
    let fifo = folder.path().join("fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    // With another end that is open already, nobody who opens it waits.
    let _end = fs::File::options().read(true).write(true).open(&fifo).unwrap();
    let rig = with_folder(folder.path(), ", mode = 'rw'", "");
    let opened = rig.value("open-in-a-race", r#"["file", "fifo", 1000]"#).await;
    assert_eq!(opened, Some(Value::Unsigned(0)));
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_of_0_3_that_the_host_keeps_are_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let rig = with_folder(folder.path(), "", "limits = { held = '1MiB', output = '1MiB' }");
    let waiting = rig.value("keep-calls", "[100, 100000]").await;
    assert!(matches!(waiting, Some(Value::Unsigned(1..10))), "{waiting:?}");
    assert_eq!(rig.value("kept-error", "[4000000]").await, Some(Value::Unsigned(1024)));
    assert_eq!(rig.value("kept-error", "[10]").await, Some(Value::Unsigned(10)));
}

/// A server that takes any number of requests, answers each with its method and its body, and leaves the connection open.
async fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((peer, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut peer = BufReader::new(peer);
                let (mut method, mut line, mut length) = (String::new(), String::new(), 0);
                while line != "\r\n" {
                    line.clear();
                    peer.read_line(&mut line).await.unwrap();
                    if method.is_empty() {
                        line.split(' ').next().unwrap().clone_into(&mut method);
                    }
                    if let Some(number) = line.strip_prefix("content-length: ") {
                        length = number.trim().parse().unwrap();
                    }
                }
                let mut body = vec![0; length];
                peer.read_exact(&mut body).await.unwrap();
                let answer = format!("{method} {}", String::from_utf8(body).unwrap());
                let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", answer.len());
                peer.write_all(format!("{head}{answer}").as_bytes()).await.unwrap();
                // Until the other side closes.
                let _ = peer.read(&mut [0]).await;
            });
        }
    });
    address
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_of_0_3_go_to_granted_addresses_alone() {
    let address = echo().await;
    let policy = granted(&format!("http = ['http://{address}/a/*']"));
    let rig = rig("later", policy.clone());
    let answer = json(rig.value("request", &format!(r#"["GET", "http://{address}/a/b", null]"#)).await);
    assert_eq!(answer, serde_json::json!([200, "GET "]));
    let body = "x".repeat(200_000);
    let answer = json(rig.value("request", &format!(r#"["PUT", "http://{address}/a/b", "{body}"]"#)).await);
    assert_eq!(answer, serde_json::json!([200, format!("PUT {body}")]));
    for url in [format!("http://{address}/b"), format!("https://{address}/a/b"), "http://a.example/".into()] {
        let told = refused(&rig, "request", &format!(r#"["GET", "{url}", null]"#)).await;
        assert!(told.contains("HttpRequestDenied"), "{url}: {told}");
    }
    assert_eq!(denied(&rig).len(), 3, "{:?}", denied(&rig));

    let dry = Rig { mode: RunMode::Dry, ..super::guests::rig("later", policy) };
    let put = dry.report("request", &format!(r#"["PUT", "http://{address}/a/b", "x"]"#)).await;
    assert_eq!(put.would, [format!("PUT http://{address}/a/b")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_of_0_3_that_nobody_reads_are_bounded() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut peers = Vec::new();
        while let Ok((mut peer, _)) = listener.accept().await {
            // The request is small, and comes whole. The rest of the answer never comes.
            let _ = peer.read(&mut [0; 4 << 10]).await.unwrap();
            peer.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nx").await.unwrap();
            peers.push(peer);
        }
    });
    let keeps = async |limits: &str| {
        let rig = rig("later", granted(&format!("http = ['http://{address}']\nlimits = {{ {limits} }}")));
        rig.report("keep-answers", &format!(r#"["http://{address}/", 100]"#)).await.outcome
    };
    assert!(matches!(keeps("descriptors = 20").await, Outcome::Ok(Some(Value::Unsigned(1..20)))));
    match keeps("held = '1MiB', output = '1MiB'").await {
        Outcome::Ok(kept) => assert!(matches!(kept, Some(Value::Unsigned(1..20))), "{kept:?}"),
        // It was looked at before it asked for one more.
        Outcome::Failed(failure) => assert!(failure.message.contains("limits.held"), "{}", failure.message),
    }
}
