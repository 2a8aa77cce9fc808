//! Every command that a message, a help text or a page tells people to run is there, with the options that it names.

use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;

use crate::helps::{Helps, is_word, option};

/// All files below these folders whose names end so.
fn files(folders: &[&str], ending: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut left: Vec<PathBuf> = folders.iter().map(|folder| root.join(folder)).collect();
    let mut found = Vec::new();
    while let Some(path) = left.pop() {
        if path.is_dir() {
            left.extend(fs::read_dir(&path).expect("listed").map(|entry| entry.expect("an entry").path()));
        } else if path.to_string_lossy().ends_with(ending) {
            found.push(path);
        }
    }
    assert!(!found.is_empty(), "no {ending} in {folders:?}");
    found
}

const SOURCES: [&str; 9] = [
    "machine/src",
    "overlord/src",
    "bench/src",
    "host/src",
    "authoring/src",
    "programs",
    "wire/src",
    "ledger/src",
    "output/src",
];

/// Options that are named and are not ours.
const FOREIGN: [&str; 1] = ["--foo"];

/// The command lines in a text: as code, behind a colon or as an example, and in a page the lines of its blocks of code.
fn commands(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).expect("read");
    let is_page = path.extension().is_some_and(|ending| ending == "md");
    let places = if is_page { "`" } else { "`|: |^  " };
    let anywhere = Regex::new(&format!(r"(?m)(?:{places})((?:overlord|minion) [^`\\\n|>#;]*)"));
    let found = anywhere.expect("a pattern").captures_iter(&text).map(|found| found[1].to_owned()).collect();
    let mut lines: Vec<String> = found;
    if is_page {
        let blocks = text.split("```").skip(1).step_by(2).flat_map(str::lines);
        let bare = blocks.map(|line| line.trim_start_matches(['$', ' ']));
        let ours = bare.filter(|line| line.starts_with("overlord ") || line.starts_with("minion "));
        lines.extend(ours.map(|line| line.split(['|', '>', '#', ';']).next().unwrap_or_default().to_owned()));
    }
    // Where no command follows it is a sentence about the program.
    lines.retain(|line| {
        line.split_whitespace().nth(1).is_some_and(|word| is_word(word) || option(word).is_some())
    });
    lines
}

#[test]
fn every_command_that_is_advised_is_there() {
    let helps = Helps::of(["overlord", "minion"]);
    let (mut count, mut mistakes) = (0, Vec::new());
    let pages =
        [files(&["docs", "README.md", "CONTRIBUTING.md"], ".md"), files(&["host", "overlord"], ".toml")];
    for path in files(&SOURCES, ".rs").into_iter().chain(pages.concat()) {
        for line in commands(&path) {
            count += 1;
            mistakes.extend(helps.mistake(&line).map(|why| format!("{}: {line:?}: {why}", path.display())));
        }
    }
    assert!(count > 100, "only {count} were found");
    assert!(mistakes.is_empty(), "{}", mistakes.join("\n"));
}

#[test]
fn every_source_that_the_map_names_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let folders = fs::read_dir(&root).expect("listed").map(|entry| entry.expect("an entry").file_name());
    let folders: Vec<String> = folders.filter_map(|name| name.into_string().ok()).collect();
    let ours = |name: &&str| !name.starts_with('.') && *name != "target" && root.join(name).is_dir();
    let ours: Vec<&str> = folders.iter().map(String::as_str).filter(ours).collect();
    let sources: Vec<String> =
        files(&ours, ".rs").into_iter().map(|path| path.to_string_lossy().into_owned()).collect();
    let named = Regex::new(r"`([\w/-]+\.rs)`").expect("a pattern");
    let mut missing = Vec::new();
    for page in ["ARCHITECTURE.md", "CONTRIBUTING.md"] {
        let text = fs::read_to_string(root.join(page)).expect("a page");
        let names: Vec<&str> =
            named.captures_iter(&text).filter_map(|found| found.get(1)).map(|name| name.as_str()).collect();
        assert!(names.len() > 4, "{page} names only {names:?}");
        // A page names a source from any folder on, as those do who speak of one crate.
        let is_there = |name: &str| sources.iter().any(|path| path.ends_with(&format!("/{name}")));
        missing
            .extend(names.into_iter().filter(|name| !is_there(name)).map(|name| format!("{page}: {name}")));
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn every_option_that_a_message_names_is_there() {
    let helps = Helps::of(["overlord", "minion"]);
    let named = Regex::new(r"(?:^|[^\w-])(--[a-z][a-z-]+)").expect("a pattern");
    let mut mistakes = Vec::new();
    for path in files(&SOURCES, ".rs")
        .into_iter()
        .filter(|path| !path.components().any(|part| part.as_os_str() == "tests"))
    {
        let text = fs::read_to_string(&path).expect("read");
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for line in code.lines().filter(|line| !line.trim_start().starts_with("//")) {
            let unknown = named
                .captures_iter(line)
                .map(|found| found[1].to_owned())
                .filter(|option| !helps.has_option(option) && !FOREIGN.contains(&option.as_str()));
            mistakes.extend(
                unknown.map(|option| format!("{}: nothing has {option}: {}", path.display(), line.trim())),
            );
        }
    }
    assert!(mistakes.is_empty(), "{}", mistakes.join("\n"));
}
