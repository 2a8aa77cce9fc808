//! The program `minion`.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

use crate::rig::Overlord;

/// Runs the program with a home and a folder of its own.
fn minion(dir: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_minion"));
    command
        .args(args)
        .env("MINION_DIR", dir)
        .env("XDG_CACHE_HOME", std::env::temp_dir().join("minion-tests"));
    command.output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Calls a method of the module `test`.
fn call(args: &[&str]) -> Output {
    let (dir, file) = (TempDir::new().unwrap(), xtask::guests::module("test"));
    minion(dir.path(), &[&["call", file.to_str().unwrap()], args].concat())
}

#[test]
fn a_call_prints_the_result_and_nothing_else_on_stdout() {
    let output = call(&["count", "2", "0"]);
    assert_eq!((output.status.code(), stdout(&output).as_str()), (Some(0), "2\n"));
    assert_eq!(stderr(&output), "part: 1\npart: 2\n");
    let output = call(&["test.add", "2", "-3", "--json"]);
    assert_eq!((&json(&output)["outcome"], &json(&output)["value"]), (&"ok".into(), &(-1).into()));
    let output = call(&["concat", "--args", r#"{"b":"y","a":"x"}"#]);
    assert_eq!(stdout(&output), "xy\n");
}

#[test]
fn the_exit_code_of_a_call_says_how_it_went() {
    let output = call(&["fail", "no luck"]);
    assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(1), "error: no luck\n"));
    let output = call(&["explode"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("trapped: panicked: exploded as asked"), "{}", stderr(&output));
    let output = call(&["sleep", "60000", "--timeout", "10ms"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("timed-out"), "{}", stderr(&output));
    for (args, named) in
        [(&["pnig"][..], "test.ping"), (&["add", "2", "x"], "\"b\""), (&["add"], "2 arguments")]
    {
        let output = call(args);
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains(named), "{}", stderr(&output));
        assert_eq!(stderr(&output).lines().count(), 1);
    }
}

#[test]
fn a_check_says_what_a_module_is_and_what_it_lacks() {
    let dir = TempDir::new().unwrap();
    let file = xtask::guests::fixture("capabilities");
    let check = |args: &[&str]| minion(dir.path(), &[&["check", file.to_str().unwrap()], args].concat());

    let refused = json(&check(&["--json"]));
    assert_eq!(refused["ok"], false);
    assert!(refused["module"]["methods"].as_array().unwrap().len() > 5);
    let needs = refused["needs"].as_array().unwrap();
    assert!(needs.len() >= 3 && needs.iter().all(|need| need["granted"] == false), "{needs:?}");
    let text = check(&[]);
    assert_eq!(text.status.code(), Some(1));
    assert!(stdout(&text).contains("to [modules.capabilities] in minion.toml"), "{}", stdout(&text));

    let policy =
        "[modules.\"*\"]\nprocess = [{ command = \"true\" }]\nfacts = [\"*\"]\nkv = { quota = \"1MiB\" }";
    std::fs::write(dir.path().join("minion.toml"), policy).unwrap();
    let granted = check(&["--json"]);
    assert_eq!(granted.status.code(), Some(0));
    assert!(json(&granted)["needs"].as_array().unwrap().iter().all(|need| need["granted"] == true));
}

#[test]
fn a_check_of_what_is_no_module_says_so_in_one_line() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("broken.wasm");
    std::fs::write(&file, "no component").unwrap();
    let output = minion(dir.path(), &["check", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stdout(&output).starts_with("problem: \"broken\" is "), "{}", stdout(&output));
    assert_eq!(stdout(&output).lines().count(), 1);
}

#[test]
fn packing_warns_of_what_a_check_would_warn_of() {
    let dir = TempDir::new().unwrap();
    let at = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    std::fs::create_dir(dir.path().join("wit")).unwrap();
    let wit = "package acme:files@1.0.0;\nworld module { export sum: func(parts: list<list<u8>>) -> u32; }";
    std::fs::write(dir.path().join("wit/files.wit"), wit).unwrap();
    let core = r#"(module
        (@custom ".debug_info" "0123")
        (memory (export "memory") 1)
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) i32.const 8)
        (func (export "sum") (param i32 i32) (result i32) i32.const 0))"#;
    std::fs::write(at("core.wasm"), wat::parse_str(core).unwrap()).unwrap();

    let packed =
        minion(dir.path(), &["pack", &at("core.wasm"), "--wit", &at("wit"), "-o", &at("files.wasm")]);
    assert_eq!(packed.status.code(), Some(0), "{}", stderr(&packed));
    let stderr = stderr(&packed);
    let told: Vec<&str> = stderr.lines().filter(|line| line.starts_with("warning: ")).collect();
    assert_eq!(told.len(), 2, "{stderr}");
    assert!(told[0].contains("debug information") && told[1].contains("\"sum\" one by one"), "{told:?}");

    let checked = minion(dir.path(), &["check", &at("files.wasm")]);
    let stdout = stdout(&checked);
    let found: Vec<&str> = stdout.lines().filter(|line| line.starts_with("warning: ")).collect();
    assert_eq!(found, told);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_minion_says_how_it_is_and_only_to_its_owner() {
    use std::os::unix::fs::PermissionsExt as _;

    let overlord = Overlord::new();
    let dir = overlord.folder.dir().to_owned();
    let output = minion(&dir, &["status"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("`minion serve`"), "{}", stderr(&output));

    let running = overlord.minion().await;
    let (_connection, _) = overlord.greet().await;
    let mut link = running.link();
    link.wait_for(|state| matches!(state, minion_host::LinkState::Linked { .. })).await.unwrap();
    let ask = |args: &'static [&'static str]| {
        let dir = dir.clone();
        async move { tokio::task::spawn_blocking(move || minion(&dir, args)).await.unwrap() }
    };
    let status = json(&ask(&["status", "--json"]).await);
    assert_eq!((&status["name"], &status["running"]), (&"web1".into(), &0.into()));
    assert!(status["linked_at"].is_string() && status["slots"].as_u64() > Some(0), "{status}");
    assert!(stdout(&ask(&["status"]).await).contains("linked for"));
    let modules = json(&ask(&["modules", "--json"]).await);
    assert_eq!(modules["modules"][0]["name"], "test");
    assert!(modules["modules"][0]["methods"][1]["parameters"]["properties"]["a"].is_object(), "{modules}");
    assert!(stdout(&ask(&["modules", "test"]).await).contains("test.add(a: s64, b: s64)"));

    let mode = std::fs::metadata(overlord.folder.socket()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    running.stop().await;
    assert!(!overlord.folder.socket().exists());
}
