//! Modules that are commands, as any toolchain makes them.

use std::fs;

use rig::{Fleet, fixtures_dir, said};

/// What a component is that exports nothing: a preamble alone.
const EMPTY: &[u8] = b"\0asm\x0d\0\x01\0";

fn fleet() -> Fleet {
    let mut fleet = Fleet::without_minions();
    fleet.enrol("web1");
    let modules = fleet.minion_dir("web1").join("modules");
    fs::create_dir_all(&modules).expect("made");
    fs::copy(fixtures_dir().join("program.wasm"), modules.join("hello.wasm")).expect("copied");
    fs::write(modules.join("empty.wasm"), EMPTY).expect("written");
    fleet.start_minion_with("web1", &modules);
    fleet.await_connection("web1", 1);
    fleet
}

#[test]
fn a_command_is_called_like_any_method() {
    let fleet = fleet();
    let call = |arguments: &[&str]| fleet.run(&[&["call", "web1", "hello.run"], arguments].concat());
    let said = call(&[r#"["say", "a", "b"]"#, "--output", "raw"]);
    assert_eq!((said.code, said.out.as_str()), (0, "a\nb\n"), "{said:?}");
    let input = tempfile::NamedTempFile::new().expect("a file");
    fs::write(&input, "as it is\n").expect("written");
    let file = format!("@{}", input.path().display());
    let said = call(&[r#"["copy"]"#, "none", &file, "--json"]);
    assert_eq!(said.json()["results"]["web1"]["value"], "as it is\n", "{said:?}");
    let said = call(&[r#"["env"]"#, r#"[["NAME", "value"]]"#, "--json"]);
    assert_eq!(said.json()["results"]["web1"]["value"], "NAME=value\n", "{said:?}");
    let said = call(&["--args", r#"{"args": ["fail"]}"#, "--json"]);
    let result = said.json()["results"]["web1"].clone();
    assert_eq!((said.code, result["outcome"].as_str()), (1, Some("error")), "{said:?}");
    assert_eq!(result["error"]["message"], "exited with code 1: no such unit");
    assert_eq!(result["error"]["value"], serde_json::json!({ "code": 1, "stdout": "as far as this\n" }));
    let late = call(&["--timeout", "200ms", r#"["spin"]"#, "--json"]).json();
    assert_eq!(late["results"]["web1"]["outcome"], "timed-out", "{late}");
}

#[test]
fn a_command_is_listed_with_its_method_and_what_has_none_with_that() {
    let fleet = fleet();
    let doc = fleet.run(&["doc", "hello.run"]);
    assert!(doc.out.contains("hello.run(args: option<list<string>>, env: "), "{doc:?}");
    assert!(doc.out.contains("What it writes to its standard output is the result."), "{doc:?}");
    let row = |listed: &str, name: &str| {
        listed.lines().find(|line| line.starts_with(name)).expect("listed").to_owned()
    };
    let listed = fleet.run(&["module", "list"]).out;
    assert!(row(&listed, "empty").contains("no methods"), "{listed}");
    assert!(row(&listed, "hello").contains(" 1 "), "{listed}");
    let listed = said(fleet.minion_command("web1").arg("modules")).out;
    assert!(row(&listed, "empty").contains("no methods"), "{listed}");
    assert!(row(&listed, "empty").contains("exports nothing"), "{listed}");
    let refused = fleet.run(&["call", "web1", "empty.run"]);
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(refused.err.contains("no methods"), "{refused:?}");
}
