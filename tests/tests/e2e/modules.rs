//! What modules may do, and what operators can learn of them.

use std::fs;

use rig::{Fleet, binary, fixtures_dir};

#[test]
fn the_module_of_the_sdk_is_what_its_page_shows_and_answers() {
    let read = |path: &str| {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        fs::read_to_string(root.join(path)).expect("reads")
    };
    let source = read("examples/hello/src/lib.rs");
    let (_, code) = source.split_once("\n\n").expect("a line of documentation first");
    assert!(read("docs/first-module-rust.md").contains(code.trim()), "the page shows another module");

    let built = xtask::guests::build(xtask::guests::Workspace::Hello).expect("builds");
    let mut command = std::process::Command::new(binary("minion"));
    let said = command.arg("call").arg(built.join("hello.wasm")).args(["greet", "world"]).output();
    assert_eq!(String::from_utf8_lossy(&said.expect("runs").stdout).trim(), "hello, world");
}

/// A minion with the fixtures as its modules, and this policy.
fn fleet_with(policy: &str) -> Fleet {
    let mut fleet = Fleet::without_minions();
    fleet.enrol("web1");
    fs::write(fleet.minion_dir("web1").join("minion.toml"), policy).expect("written");
    fleet.start_minion_with("web1", &fixtures_dir());
    fleet.await_connection("web1", 1);
    fleet
}

#[test]
fn a_module_is_documented_from_its_own_component() {
    let fleet = Fleet::start(&["web1", "web2"]);
    let doc = fleet.run(&["doc", "test.add"]);
    assert_eq!(doc.code, 0, "{doc:?}");
    assert!(doc.out.contains("test.add(a: s64, b: s64)"), "{doc:?}");
    let shown = fleet.run(&["module", "show", "test", "--json"]).json();
    let version = &shown["versions"][0];
    assert_eq!(version["minions"], serde_json::json!([{"name": "web1"}, {"name": "web2"}]));
    assert_eq!(version["digest"].as_str().map(str::len), Some(64));
    let methods = version["methods"].as_array().expect("methods");
    let add = methods.iter().find(|method| method["name"] == "add").expect("add");
    assert_eq!(add["parameters"]["required"], serde_json::json!(["a", "b"]));
    let unknown = fleet.run(&["doc", "tset"]);
    assert_eq!(unknown.code, 2, "{unknown:?}");
}

#[test]
fn a_dry_run_changes_nothing_and_says_what_it_would() {
    let folder = tempfile::tempdir().expect("a folder");
    let host = folder.path().display();
    let policy =
        format!("[modules.files]\nfiles = [{{ host = \"{host}\", guest = \"/data\", mode = \"rw\" }}]\n");
    let fleet = fleet_with(&policy);
    let call = ["call", "web1", "--json", "files.append", "/data/log", "once"];
    let dry = fleet.run(&[&call[..], &["--dry-run"]].concat());
    assert!(!folder.path().join("log").exists(), "a dry run wrote: {dry:?}");
    let would = dry.json()["results"]["web1"]["would"].to_string();
    assert!(would.contains("/data/log"), "{dry:?}");
    let real = fleet.run(&call);
    assert_eq!(real.code, 0, "{real:?}");
    assert_eq!(fs::read_to_string(folder.path().join("log")).expect("written").trim(), "once");
}

#[test]
fn a_module_without_its_grant_is_listed_with_the_line_to_add() {
    let fleet = fleet_with("");
    let said = fleet.run(&["call", "web1", "--json", "capabilities.run", "[]"]);
    assert_eq!(said.code, 2, "{said:?}");
    assert!(said.err.contains("not in service") && said.err.contains("minion.toml"), "{said:?}");
    let listed = fleet.run(&["module", "list"]).out;
    let line = listed.lines().find(|line| line.starts_with("capabilities")).expect("listed");
    assert!(line.contains("failed") && listed.contains("minion.toml"), "{listed}");
}

#[test]
fn an_access_list_of_the_minion_cannot_be_overridden() {
    let fleet = fleet_with("[access]\ndeny = [{ method = \"hostile.*\" }]\n");
    let said = fleet.run(&["call", "web1", "--json", "hostile.exit", "0"]);
    assert_eq!(said.code, 1, "{said:?}");
    assert_eq!(said.json()["results"]["web1"]["outcome"], "denied", "{said:?}");
}

#[test]
fn arguments_that_the_minions_access_list_denies_are_denied_however_the_overlord_is_asked() {
    let list = |most: i32| {
        format!(
            "[[access.allow]]\nname = \"small sums\"\nmethod = \"values.echo-u16\"\n\
             arguments.value.range = {{ min = 1, max = {most} }}\n"
        )
    };
    let fleet = fleet_with(&list(9));
    let call = |words: &[&str]| fleet.run(&[&["call", "web1", "--json", "values.echo-u16"], words].concat());
    let allowed = call(&["9"]);
    assert_eq!((allowed.code, &allowed.json()["results"]["web1"]["value"]), (0, &9.into()), "{allowed:?}");
    for words in [
        &["10"][..],
        &["\"10\""],
        &["--args", "[10]"],
        &["--args", "{\"value\": \"10\"}"],
        &["--dry-run", "10"],
    ] {
        let said = call(words);
        assert_eq!(said.code, 1, "{said:?}");
        let result = said.json()["results"]["web1"].clone();
        assert_eq!(result["outcome"], "denied", "{said:?}");
        let why = result["error"]["message"].as_str().expect("a message");
        assert!(
            why.ends_with("rule \"small sums\" of [[access.allow]] wants \"value\" to be from 1 to 9"),
            "{why}"
        );
    }
    assert_eq!(call(&["many"]).code, 2, "what is no number is no matter of access");

    let audit = fs::read_to_string(fleet.minion_dir("web1").join("audit.jsonl")).expect("read");
    let denied: Vec<serde_json::Value> = audit
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .filter(|entry: &serde_json::Value| entry["decision"] == "denied")
        .collect();
    assert_eq!(denied.len(), 5, "{audit}");
    for entry in &denied {
        assert_eq!(entry["rule"], "rule \"small sums\" of [[access.allow]]", "{entry}");
        assert_eq!(entry["parameters"], serde_json::json!(["value"]), "{entry}");
    }

    fs::write(fleet.minion_dir("web1").join("minion.toml"), list(10)).expect("written");
    fleet.minion("web1").reload();
    fleet.minion("web1").logged("the access list is another one", 1);
    assert_eq!(call(&["10"]).code, 0);
}
