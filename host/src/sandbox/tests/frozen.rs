//! A module that was built once against version 0.1.0 of `wit/`, and is never built again.

use std::path::Path;

use serde_json::{Value, json};
use wire::message::call::LogLevel;

use super::capabilities::{json, with_everything};
use super::{ModulePolicy, Rig, sandbox};

const SETTINGS: &str = "settings = { on = true, count = 3, share = 0.5, name = 'x', list = ['a', 'b'] }";

fn bytes() -> Vec<u8> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/frozen/frozen-0.1.0.wasm");
    std::fs::read(file).unwrap()
}

async fn lines(rig: &Rig, method: &str, arguments: &str) -> Value {
    json(rig.value(method, arguments).await)
}

#[tokio::test]
async fn what_was_built_against_the_first_interfaces_finds_every_function_of_them() {
    let (rig, _folder) = with_everything(&bytes(), SETTINGS);
    let told = lines(&rig, "job", "[]").await;
    assert_eq!(
        told,
        json!([
            "id of 26",
            "method guest.job",
            "operator tester",
            "deadline true",
            "dry-run false",
            "cancelled false"
        ])
    );
    let told = lines(&rig, "kv", "[]").await;
    let (last, all) = told.as_array().unwrap().split_last().unwrap();
    assert_eq!(json!(all), json!(["compare-and-set true false", "get 2", "list [\"a\"]", "delete true"]));
    assert!(last.as_str().unwrap().starts_with("over quota Error::Denied("), "{last}");
    let told = lines(&rig, "settings", "[]").await;
    let (last, all) = told.as_array().unwrap().split_last().unwrap();
    assert_eq!(
        json!(all),
        json!([
            r#"names ["count", "list", "name", "on", "share"]"#,
            r#"get Some("[\"a\",\"b\"]")"#,
            "boolean Some(true)",
            "integer Some(3)",
            "number Some(0.5)",
            r#"text Some("x")"#,
            r#"texts Some(["a", "b"])"#,
        ])
    );
    assert!(last.as_str().unwrap().starts_with("wrong type Error::WrongType("), "{last}");
    let told = lines(&rig, "facts", r#"["os.name"]"#).await;
    assert_eq!(told, json!([r#"get Some("debian")"#, r#"list [("os.name", "debian")]"#]));
    let told = lines(&rig, "process", r#"[["cat"]]"#).await;
    assert_eq!(
        told,
        json!([
            r#"run Status::Exited(0) "from the module\n" """#,
            "dropped 0 0",
            r#"child true "from the module\nand more\n" Status::Exited(0)"#,
        ])
    );
}

#[tokio::test]
async fn what_it_says_while_it_runs_is_heard() {
    let (rig, _folder) = with_everything(&bytes(), SETTINGS);
    rig.value("log", r#"["hello"]"#).await;
    let logged = rig.events.log.lock().unwrap().clone();
    assert_eq!(
        logged.iter().map(|line| line.level).collect::<Vec<_>>(),
        [LogLevel::Debug, LogLevel::Info, LogLevel::Warn, LogLevel::Error,]
    );
    assert!(logged.iter().all(|line| line.message == "hello"), "{logged:?}");
    assert_eq!(logged[0].fields, [("key".to_owned(), "value".to_owned())]);
    rig.value("job", "[]").await;
    assert_eq!(*rig.events.chunks.lock().unwrap(), ["a part"]);
    let progress = rig.events.progress.lock().unwrap().clone();
    let last = progress.last().unwrap();
    assert_eq!((last.done, last.total, last.note.as_str()), (1, 2, "half"));
}

#[test]
fn it_asks_for_every_package_that_there_was() {
    let check = sandbox().check("guest".parse().unwrap(), &bytes(), &ModulePolicy::default());
    let ours = check.imports.iter().filter_map(|import| import.interface.strip_prefix("minion:"));
    let mut ours: Vec<&str> = ours.collect();
    ours.sort_unstable();
    let packages = ["facts", "job", "kv", "log", "process", "settings"];
    assert_eq!(ours, packages.map(|name| format!("{name}/{name}@0.1.0")));
}
