//! Every method of every module: whatever is written into its arguments, and whatever is granted.

use std::fs;
use std::path::Path;
use std::process::Command;

use rig::{Said, binary, bundled_dir, said};
use serde_json::Value;
use wire::value::size::MAX_ARGUMENTS;

use super::processes::Sleeper;
use super::{Bench, can_unshare, modules};

/// The methods of a module, each with the schema of its arguments.
fn methods(module: &str) -> Vec<(String, Value)> {
    let checked = said(
        Command::new(binary("minion"))
            .args(["check", "--json"])
            .arg(bundled_dir().join(format!("{module}.wasm"))),
    );
    let methods = checked.json()["module"]["methods"].clone();
    let method =
        |method: &Value| (method["name"].as_str().expect("a name").to_owned(), method["parameters"].clone());
    methods.as_array().expect("methods").iter().map(method).collect()
}

/// A value that fits a schema, with this text wherever one may be.
fn filled(schema: &Value, root: &Value, text: &str) -> Value {
    let schema = match schema["$ref"].as_str() {
        Some(reference) => root.pointer(reference.trim_start_matches('#')).expect("defined"),
        None => schema,
    };
    if let Some(cases) = schema["anyOf"].as_array().or(schema["oneOf"].as_array()) {
        // Bytes are not any text, but they are numbers as well.
        let case = cases.iter().find(|case| case["contentEncoding"].is_null());
        return case.map_or(Value::Null, |case| filled(case, root, text));
    }
    if let Some(first) = schema["enum"].as_array().and_then(|cases| cases.first()) {
        return first.clone();
    }
    let kind = schema["type"].as_str().or(schema["type"][0].as_str());
    match kind {
        Some("string") => text.into(),
        // No process has this id.
        Some("integer" | "number") => {
            schema["maximum"].as_u64().map_or(4_194_305, |most| most.min(4_194_305)).into()
        }
        Some("boolean") => true.into(),
        Some("array") => match schema["prefixItems"].as_array() {
            Some(items) => items.iter().map(|item| filled(item, root, text)).collect(),
            None => vec![filled(&schema["items"], root, text)].into(),
        },
        Some("object") => {
            let properties = schema["properties"].as_object().cloned().unwrap_or_default();
            properties
                .iter()
                .map(|(name, inner)| (name.clone(), filled(inner, root, text)))
                .collect::<serde_json::Map<_, _>>()
                .into()
        }
        _ => Value::Null,
    }
}

/// Where the copy has the arguments of a call, which may be longer than a word of a command line.
const ARGUMENTS: &str = "/bench/arguments";

/// Calls every method of every module with this text in the place of every text, at this level where a module has it, and
/// else at the one of it that changes nothing and allows the most; with a half of the text, or less, where all together
/// would be more than a call carries. A module that suggests nothing reaches nothing of its host, whatever it is called with.
fn every_method(bench: &Bench, level: &str, text: &str, mut look: impl FnMut(&str, &Said)) {
    for (module, levels) in modules() {
        let has = |level: &str| levels.iter().any(|has| has == level);
        let Some(level) = [level, "check", "read"].into_iter().find(|level| has(level)) else { continue };
        for (method, parameters) in methods(&module) {
            let name = format!("{module}.{method}");
            let mut text = text;
            let mut arguments = filled(&parameters, &parameters, text).to_string();
            while arguments.len() as u64 > MAX_ARGUMENTS {
                text = &text[..text.len() / 2];
                arguments = filled(&parameters, &parameters, text).to_string();
            }
            fs::write(bench.path(ARGUMENTS), &arguments).expect("written");
            let said = said(&mut bench.calling(level, &name, &["--args", &format!("@{ARGUMENTS}")]));
            arguments.truncate(200);
            look(&format!("{name} {arguments}"), &said);
        }
    }
}

/// All that modules could have changed in a copy: its tables of users and groups, what else is configured in it, what is
/// mounted, and what its packet filter has.
fn state(bench: &Bench) -> Vec<String> {
    let read = |table: &str| fs::read_to_string(bench.path("etc").join(table)).expect("read");
    let mut state = ["passwd", "group", "shadow", "gshadow"].map(read).to_vec();
    for (program, arguments) in [
        ("find", &["/etc", "/var/spool", "-printf", "%p %s %T@ %m\n"][..]),
        ("cat", &["/proc/mounts"]),
        ("hostname", &[]),
    ] {
        state.push(bench.printed(program, arguments));
    }
    if Path::new("/usr/sbin/nft").exists() {
        state.push(bench.printed("nft", &["list", "ruleset"]));
    }
    state
}

#[test]
fn nothing_that_is_written_into_an_argument_is_obeyed() {
    if !can_unshare() {
        return;
    }
    let bench = Bench::apart();
    let before = state(&bench);
    let canary = bench.path("/bench/canary");
    let touch = "/bench/canary";
    let long = "x".repeat(1 << 20);
    for text in [
        &long,
        &format!("; touch {touch}"),
        &format!("$(touch {touch})"),
        &format!("`touch {touch}`"),
        &format!("x\ntouch {touch}"),
        "-rf",
        "--root=/tmp",
        "../../etc",
        "a\0b",
        "",
    ] {
        every_method(&bench, "manage", text, |what, said| {
            let document = said.json();
            let outcome = document["outcome"].as_str().unwrap_or_default();
            assert!(matches!(outcome, "ok" | "error" | "rejected"), "{what}: {said:?}");
            assert!(!said.err.contains("panicked"), "{what}: {said:?}");
        });
        assert!(!canary.exists(), "{text:?} was obeyed");
        assert!(state(&bench) == before, "{text:?} changed something");
    }
}

#[test]
fn who_may_read_changes_nothing_whatever_is_called() {
    if !can_unshare() {
        return;
    }
    let bench = Bench::apart();
    let before = state(&bench);
    let sleeper = Sleeper::new();
    every_method(&bench, "read", "nobody", |what, said| {
        let document = said.json();
        let changed = document["value"]["changed"] == true;
        assert!(!changed, "{what}: {said:?}");
    });
    let mut sleeper = sleeper;
    assert!(sleeper.0.try_wait().expect("asked").is_none());
    assert!(state(&bench) == before);
}

#[test]
fn who_is_granted_nothing_gets_nothing() {
    if !can_unshare() {
        return;
    }
    let bench = Bench::new();
    fs::write(bench.path("/bench/minion.toml"), "").expect("written");
    for (module, levels) in modules() {
        for (method, parameters) in methods(&module).into_iter().filter(|_| !levels.is_empty()) {
            fs::write(bench.path(ARGUMENTS), filled(&parameters, &parameters, "nobody").to_string())
                .expect("written");
            let mut command = bench.within(binary("minion"));
            command.args(["call", "--json", "--policy", "/bench/minion.toml"]);
            command.arg(bundled_dir().join(format!("{module}.wasm"))).arg(&method);
            let said = said(command.args(["--args", &format!("@{ARGUMENTS}")]));
            let outcome = said.json()["outcome"].clone();
            assert!(said.code != 0 && outcome != "ok" && outcome != "trapped", "{module}.{method}: {said:?}");
        }
    }
}
