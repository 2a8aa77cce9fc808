//! The modules of `examples/modules`, built by the script beside them.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::binaries::binary;
use crate::said::Said;

/// The languages that there are examples and templates for.
pub const LANGUAGES: [&str; 6] = ["rust", "c", "python", "js", "ts", "go"];

/// A module that was built, and where its language's tools are.
pub struct Example {
    /// The module's file.
    pub file: PathBuf,
    /// Folders with what built it, to be looked in before those of `PATH`.
    pub tools: [PathBuf; 2],
}

/// The module `disk` in this language, up to date with its sources, or nothing where its tools cannot be had.
///
/// The script installs what it can. A language that is left out is said on stderr, with what to install; with
/// `CI=true` that is a failure.
///
/// # Panics
/// Where it cannot be built: the test cannot go on.
pub fn example(language: &str) -> Option<Example> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."));
    let mut script = Command::new(root.join("examples/modules/build"));
    script.arg(language).env("MINION", binary("minion"));
    let said = script.output().unwrap_or_else(|error| panic!("cannot run examples/modules/build: {error}"));
    let said = Said::from(said);
    assert_eq!(said.code, 0, "{}\n{}", said.out, said.err);
    if said.out.starts_with("skipped") {
        // Not by a macro, whose output nobody sees where the test succeeds.
        let _ = std::io::stderr().write_all(said.out.as_bytes());
        return None;
    }
    // "built c: target/examples/disk-c.wasm, 72 kB in 3 s", or "unchanged c: target/examples/disk-c.wasm"
    let file = said.out.split_once(": ").and_then(|(_, rest)| rest.trim().split(',').next());
    let file = root.join(file.unwrap_or_else(|| panic!("no file in {said:?}")));
    let tools = file.parent().and_then(Path::parent).unwrap_or(root).join("tools");
    Some(Example { file, tools: [tools.join("venv/bin"), tools.join("node_modules/.bin")] })
}
