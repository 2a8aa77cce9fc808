//! The page for those who come from Func, the ancestor: all that it names is there.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use regex::Regex;
use rig::{binary, bundled_dir, said};

use super::modules;

/// How many methods Func had, those that modules got by inheritance once.
const METHODS: usize = 283;

/// The rows of the table below this heading, in cells.
fn rows(page: &str, heading: &str) -> Vec<Vec<String>> {
    let section = page.split("\n## ").find(|section| section.starts_with(heading)).expect("a section");
    let lines = section.lines().filter(|line| line.starts_with('|')).skip(2);
    let cells = |line: &str| {
        let line = line.strip_prefix('|').and_then(|line| line.strip_suffix('|')).expect("a row");
        line.split('|').map(|cell| cell.trim().to_owned()).collect()
    };
    lines.map(cells).collect()
}

/// What is written as code in a cell.
fn code(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

fn page() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/from-func.md")).expect("read")
}

/// All methods of the bundled modules, as they say of themselves.
fn methods() -> BTreeSet<String> {
    let mut methods = BTreeSet::new();
    for module in modules().keys() {
        let file = bundled_dir().join(format!("{module}.wasm"));
        let checked = said(Command::new(binary("minion")).args(["check", "--json"]).arg(file)).json();
        let listed = checked["module"]["methods"].as_array().expect("methods").clone();
        methods.extend(
            listed.iter().filter_map(|method| Some(format!("{module}.{}", method["name"].as_str()?))),
        );
    }
    methods
}

#[test]
fn every_method_of_the_ancestor_is_told_of_and_those_in_its_place_are_there() {
    let (page, methods) = (page(), methods());
    let is_method = Regex::new(r"^[a-z][a-z-]*\.[a-z][a-z0-9-]*$").expect("fits");
    let mut told = BTreeSet::new();
    for row in rows(&page, "Methods") {
        let [func, is, here, why] = &row[..] else { panic!("{row:?}") };
        for name in code(func) {
            assert!(
                name.contains('.') && told.insert(name.to_owned()),
                "{name} is there twice, or no method"
            );
        }
        match is.as_str() {
            "same" | "other name" => assert!(!code(here).is_empty(), "nothing is there in its place: {func}"),
            "dropped" => assert!(!why.is_empty(), "no reason is given: {func}"),
            other => panic!("{other:?} is no word of the table: {func}"),
        }
        for name in code(here) {
            let is_there = methods.contains(name) || name.starts_with("overlord ");
            assert!(is_there, "there is no `{name}`, which is said of {func}");
        }
        for name in code(why).into_iter().filter(|name| is_method.is_match(name)) {
            let is_there = methods.contains(name) || name.ends_with(".toml") || told.contains(name);
            assert!(is_there, "there is no `{name}`, which is said of {func}");
        }
    }
    assert_eq!(told.len(), METHODS);
}

/// The numbers that a cell names: `T8, T13–T23`.
fn numbers(cell: &str) -> Vec<u32> {
    let number = |text: &str| text.trim().trim_start_matches('T').parse().expect("a number");
    let range = |part: &str| {
        let (first, last) = part.split_once('–').unwrap_or((part, part));
        number(first)..=number(last)
    };
    cell.split(',').flat_map(range).collect()
}

#[test]
fn every_case_of_the_ancestors_tests_is_held_by_a_test_or_has_a_reason() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e");
    let mut told = Vec::new();
    for row in rows(&page(), "Acceptance cases") {
        let [cases, held, why] = &row[..] else { panic!("{row:?}") };
        told.extend(numbers(cases));
        assert!(!held.is_empty() || !why.is_empty(), "{cases} has neither a test nor a reason");
        for test in code(held).into_iter().chain(code(why)).filter(|it| it.starts_with("bundled::")) {
            let (path, name) = test.rsplit_once("::").expect("a path");
            let file = folder.join(path.replace("::", "/")).with_extension("rs");
            let source = fs::read_to_string(&file).unwrap_or_default();
            assert!(source.contains(&format!("#[test]\nfn {name}()")), "there is no test {test}");
        }
    }
    told.sort_unstable();
    assert_eq!(told, (8..=65).chain(145..=157).collect::<Vec<u32>>());
}
