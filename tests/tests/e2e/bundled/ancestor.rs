//! The acceptance cases of Func, the ancestor, in their modern form, as far as no other test of these modules holds them.

use std::fs;
use std::process::Command;

use rig::{Fleet, Said, binary, bundled_dir, said};
use serde_json::{Value, json};

use super::{Bench, can_unshare, grant};

/// A call of the module `test`, which needs no grant.
fn tried(words: &[&str]) -> Said {
    let mut command = Command::new(binary("minion"));
    said(command.args(["call", "--json"]).arg(bundled_dir().join("test.wasm")).args(words))
}

#[test]
fn sums_texts_and_failures_come_back() {
    assert_eq!(tried(&["add", "1", "5"]).json()["value"], 6);
    assert_eq!(tried(&["concat", "foo", "bar"]).json()["value"], "foobar");
    // Func put texts together where both were texts. Here a method has one type.
    assert_eq!(tried(&["add", "foo", "bar"]).code, 2);
    assert_eq!(tried(&["sleep", "1"]).code, 0);
    for words in [&["explode"][..], &["explode", ""]] {
        let exploded = tried(words);
        assert_eq!((exploded.code, &exploded.json()["outcome"]), (1, &json!("trapped")), "{exploded:?}");
    }
    assert_eq!(tried(&["bork"]).code, 2);
}

#[test]
fn a_script_has_pipes_redirections_and_patterns() {
    if !can_unshare() {
        return;
    }
    let bench = Bench::new();
    for (script, printed) in [
        ("echo 'foobar' | grep foo", "foobar\n"),
        ("echo foobar >> /bench/appended; cat /bench/appended", "foobar\n"),
        ("echo foobar >> /bench/appended; cat /bench/appended", "foobar\nfoobar\n"),
        ("cd /etc; ls -d passw[d]", "passwd\n"),
        ("ls /etc/hostnam* >/dev/null; echo one; echo two", "one\ntwo\n"),
    ] {
        let said = bench.value("script", "command.script", &["sh", script]);
        assert_eq!(said, json!({ "exit": 0, "stdout": printed, "stderr": "" }), "{script}");
    }
}

#[test]
fn a_file_has_its_sum_and_a_large_one_is_copied_whole() {
    if !can_unshare() {
        return;
    }
    let bench = Bench::new();
    bench.value("manage", "files.write", &["/srv/small", "this is a func test file"]);
    let sum = |path: &str| bench.value("read", "files.checksum", &[path, "sha1"]);
    assert_eq!(sum("/srv/small"), "b36a8040e44c16605d7784cdf1b3d9ed04ea7f55");
    let again = bench.value("manage", "files.write", &["/srv/small", "this is a func test file"]);
    assert_eq!(again["changed"], false);

    let line = "so that no two parts of it are alike\n";
    let large: String = (0..1_600_000).map(|number| format!("{number} {line}")).collect();
    fs::write(bench.path("/srv/large"), &large).expect("written");
    assert!(large.len() > 70_000_000);
    assert_eq!(bench.value("manage", "files.copy", &["/srv/large", "/srv/copy"])["changed"], true);
    assert!(fs::read_to_string(bench.path("/srv/copy")).expect("read") == large, "it is another file");
    assert_eq!(bench.value("manage", "files.copy", &["/srv/large", "/srv/copy"])["changed"], false);
}

#[test]
fn users_and_groups_are_all_those_of_the_system() {
    if !can_unshare() {
        return;
    }
    let bench = Bench::new();
    let listed = |method: &str, line: &dyn Fn(&Value) -> String| -> Vec<String> {
        bench.value("read", method, &[]).as_array().expect("a list").iter().map(line).collect()
    };
    let known = |table: &str, fields: &[usize]| -> Vec<String> {
        let text = bench.printed("getent", &[table]);
        let line = |line: &str| {
            let all: Vec<&str> = line.split(':').collect();
            fields.iter().map(|field| all[*field]).collect::<Vec<_>>().join(":")
        };
        text.lines().map(line).collect()
    };
    let word = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let of = |keys: &'static [&'static str]| {
        move |one: &Value| keys.iter().map(|key| word(&one[key])).collect::<Vec<_>>().join(":")
    };
    let users = listed("users.list", &of(&["name", "uid", "gid", "comment", "home", "shell"]));
    assert_eq!(users, known("passwd", &[0, 2, 3, 4, 5, 6]));
    assert_eq!(listed("groups.list", &of(&["name", "gid"])), known("group", &[0, 2]));
    for (method, name, key, number) in
        [("users.info", "nobody", "uid", 65534), ("groups.info", "root", "gid", 0)]
    {
        assert_eq!(bench.value("read", method, &[name])[key], number);
        assert!(bench.error("read", method, &["no-such-name"])["not-found"].is_string());
    }
}

#[test]
fn a_pattern_that_fits_no_package_finds_none() {
    if !can_unshare() || !std::path::Path::new("/usr/bin/dpkg-query").exists() {
        return;
    }
    let bench = Bench::new();
    let found = |pattern: &[&str]| bench.value("read", "package.list", pattern);
    assert_eq!(found(&["no-such-package*"]), json!([]));
    assert_eq!(found(&["*"]), found(&[]));
    let some = found(&["base-*"]);
    let names: Vec<&str> =
        some.as_array().expect("a list").iter().filter_map(|it| it["name"].as_str()).collect();
    assert!(names.contains(&"base-files") && names.iter().all(|it| it.starts_with("base-")), "{names:?}");
}

#[test]
fn every_fact_is_shown_and_fits_what_it_says_by_every_operator() {
    let mut fleet = Fleet::without_minions();
    fleet.enrol("web1");
    grant(&fleet.minion_dir("web1"), "facts", "read");
    fleet.start_minion_with("web1", &bundled_dir());
    fleet.await_connection("web1", 1);
    let value = |method: &str, argument: &[&str]| {
        let said = fleet.run(&[&["call", "web1", method, "--json", "--"], argument].concat());
        assert_eq!(said.code, 0, "{said:?}");
        said.json()["results"]["web1"]["value"].clone()
    };
    let facts = value("facts.list", &[]);
    let mut conditions = Vec::new();
    for fact in facts.as_array().expect("a list") {
        let (path, told) = (fact["path"].as_str().expect("text"), fact["value"].as_str().expect("text"));
        value("facts.show", &[path]);
        conditions.push(format!("{path}!={told}aaa"));
        if ["hostname", "arch"].contains(&path) {
            let shorter: String = told.chars().take(told.chars().count() - 1).collect();
            conditions.extend(["=", ">=", "<=", "^=", "*="].map(|it| format!("{path}{it}{told}")));
            conditions.push(format!("{path}*={}", told.to_uppercase()));
            conditions.extend([format!("{path}<{told}aaa"), format!("{path}>{shorter}")]);
        }
        if path == "mem.total" {
            let number: u64 = told.parse().expect("a number");
            conditions.extend(["=", ">=", "<="].map(|it| format!("{path}{it}{number}")));
            conditions.extend([format!("{path}<{}", number + 1), format!("{path}>{}", number - 1)]);
        }
    }
    assert!(conditions.len() > 20, "{facts}");
    let answer = value("facts.query", &[&json!(conditions).to_string()]);
    let checks = answer["checks"].as_array().expect("a list");
    let not: Vec<&Value> = checks.iter().filter(|check| check["fits"] != true).collect();
    assert!(not.is_empty(), "{not:?}");
}
