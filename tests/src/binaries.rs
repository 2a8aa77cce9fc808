//! The binaries under test, built by the same cargo and profile as the tests themselves.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The path of `overlord` or `minion`, up to date with the sources.
///
/// # Panics
/// Where it cannot be built: the test cannot go on.
pub fn binary(name: &str) -> PathBuf {
    static DIR: OnceLock<PathBuf> = OnceLock::new();
    DIR.get_or_init(build).join(name)
}

/// A folder with the bundled modules, built from source.
///
/// # Panics
/// Where they cannot be built: the test cannot go on.
pub fn modules_dir() -> PathBuf {
    static DIR: OnceLock<PathBuf> = OnceLock::new();
    DIR.get_or_init(|| xtask::guests::build(xtask::guests::Workspace::Plugins).unwrap_or_else(|error| panic!("{error}"))).clone()
}

fn build() -> PathBuf {
    // The test itself is at target/PROFILE/deps/NAME-HASH.
    let test = std::env::current_exe().unwrap_or_else(|error| panic!("cannot find the test: {error}"));
    let dir = test.ancestors().nth(2).map(Path::to_owned).unwrap_or_default();
    let profile = match dir.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(other) => other,
    };
    // As `cargo test --workspace` does, so that no dependency is built twice with other features.
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."));
    let built = Command::new(cargo)
        .args(["test", "--workspace", "--no-run", "--quiet", "--profile", profile])
        .current_dir(root)
        .output()
        .unwrap_or_else(|error| panic!("cannot start cargo: {error}"));
    assert!(built.status.success(), "cannot build: {}", String::from_utf8_lossy(&built.stderr));
    dir
}
