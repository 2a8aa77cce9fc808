//! What must hold in the sources of both programs, so that no caller can forget how their words reach people.

use std::fs;
use std::path::{Path, PathBuf};

/// The crates whose words reach people.
const CRATES: [&str; 7] = ["wire", "output", "ledger", "host", "authoring", "overlord", "bench"];

#[test]
fn messages_of_the_log_are_constant() {
    let mut found = Vec::new();
    for (path, source) in sources() {
        for (line, arguments) in events(&source) {
            // A message is the first argument that is a string by itself; what follows it is put into it.
            let Some(place) = arguments.iter().position(|argument| argument.starts_with('"')) else {
                continue;
            };
            let message = &arguments[place];
            if place + 1 < arguments.len() || message.contains(['{', '=']) {
                found.push(format!("{}:{line}: {message}", path.display()));
            }
        }
    }
    assert!(
        found.is_empty(),
        "the words of others belong into fields, as in `warn!(%error, \"refused\")`, which quotes them:\n{}",
        found.join("\n")
    );
}

#[test]
fn only_this_crate_draws_on_a_terminal() {
    let libraries = ["anstream", "anstyle", "console", "indicatif", "tracing-subscriber"];
    for name in CRATES.iter().filter(|name| **name != "output") {
        let manifest = fs::read_to_string(root().join(name).join("Cargo.toml")).expect("a manifest");
        for library in libraries {
            let named = manifest.lines().any(|line| line.starts_with(&format!("{library}.")));
            assert!(!named, "\"{name}\" depends on \"{library}\": go through `output`");
        }
        let library = fs::read_to_string(root().join(name).join("src/lib.rs")).expect("a library");
        assert!(
            library.contains("#![deny(clippy::disallowed_methods, clippy::print_stdout"),
            "\"{name}\" may print"
        );
    }
}

#[test]
fn the_search_finds_what_it_looks_for() {
    let found = events(
        "fn f() {\n    tracing::warn!(%a, b = g(1, \"x, {y}\"), \"to\\\"o {b}\", c);\n info!(\n\"m\") }",
    );
    assert_eq!(found.len(), 2);
    assert_eq!(
        found[0],
        (2, ["%a", "b = g(1, \"x, {y}\")", "\"to\\\"o {b}\"", "c"].map(String::from).to_vec())
    );
    assert_eq!(found[1], (3, vec!["\"m\"".to_owned()]));
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// All files of the crates, without the unit tests at their feet.
fn sources() -> Vec<(PathBuf, String)> {
    let (mut folders, mut found): (Vec<PathBuf>, _) =
        (CRATES.iter().map(|name| root().join(name).join("src")).collect(), Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("a source");
                let end = text.find("\nmod tests {").unwrap_or(text.len());
                found.push((path, text[..end].to_owned()));
            }
        }
    }
    assert!(found.len() > 100, "the sources are somewhere else");
    found
}

/// The events that are logged: their lines, and the arguments of each.
fn events(source: &str) -> Vec<(usize, Vec<String>)> {
    let mut found = Vec::new();
    for level in ["error!(", "warn!(", "info!(", "debug!(", "trace!(", "event!("] {
        for (start, _) in source.match_indices(level) {
            let is_whole_name = !source[..start].ends_with(|c: char| c.is_alphanumeric() || c == '_');
            if is_whole_name {
                let line = source[..start].matches('\n').count() + 1;
                found.push((line, arguments(&source[start + level.len()..])));
            }
        }
    }
    found.sort();
    found
}

/// What stands between commas, up to the parenthesis that ends it all.
fn arguments(source: &str) -> Vec<String> {
    let (mut arguments, mut argument, mut depth, mut quoted, mut escaped) =
        (Vec::new(), String::new(), 0_u32, false, false);
    for c in source.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if quoted => {}
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' if depth == 0 => break,
            ')' | ']' | '}' => depth -= 1,
            ',' if depth == 0 => {
                arguments.push(std::mem::take(&mut argument).trim().to_owned());
                continue;
            }
            _ => {}
        }
        argument.push(c);
    }
    arguments.push(argument.trim().to_owned());
    arguments.retain(|argument| !argument.is_empty());
    arguments
}
