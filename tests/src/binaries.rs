//! The binaries under test, built by the same cargo and profile as the tests themselves.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The path of `overlord` or `minion`, up to date with the sources.
///
/// # Panics
/// Where it cannot be built: the test cannot go on.
pub fn binary(name: &str) -> PathBuf {
    // A failure is kept too: it would be the same for every other test.
    static DIR: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    DIR.get_or_init(build).as_ref().unwrap_or_else(|error| panic!("{error}")).join(name)
}

/// A folder with all bundled modules, built from source.
///
/// # Panics
/// Where they cannot be built: the test cannot go on.
pub fn bundled_dir() -> PathBuf {
    static DIR: OnceLock<PathBuf> = OnceLock::new();
    DIR.get_or_init(|| {
        xtask::guests::build(xtask::guests::Workspace::Plugins).unwrap_or_else(|error| panic!("{error}"))
    })
    .clone()
}

/// A folder with the bundled module `test` alone, built from source: what most tests need.
///
/// # Panics
/// Where it cannot be built or copied: the test cannot go on.
pub fn modules_dir() -> PathBuf {
    static DIR: OnceLock<PathBuf> = OnceLock::new();
    DIR.get_or_init(|| {
        let (from, to) = (bundled_dir(), bundled_dir().join("test-alone"));
        std::fs::create_dir_all(&to).unwrap_or_else(|error| panic!("cannot make {}: {error}", to.display()));
        // Several processes of tests may do so at once: each puts a whole file in the place.
        let own = to.join(format!(".{}", std::process::id()));
        let copied = std::fs::copy(from.join("test.wasm"), &own);
        copied
            .and_then(|_| std::fs::rename(&own, to.join("test.wasm")))
            .unwrap_or_else(|error| panic!("{error}"));
        to
    })
    .clone()
}

/// A folder with the guests that only tests use, built from source.
///
/// # Panics
/// Where they cannot be built: the test cannot go on.
pub fn fixtures_dir() -> PathBuf {
    static DIR: OnceLock<PathBuf> = OnceLock::new();
    let built = || xtask::guests::build(xtask::guests::Workspace::Fixtures);
    DIR.get_or_init(|| built().unwrap_or_else(|error| panic!("{error}"))).clone()
}

fn build() -> Result<PathBuf, String> {
    // The test itself is at target/PROFILE/deps/NAME-HASH.
    let test = std::env::current_exe().map_err(|error| format!("cannot find the test: {error}"))?;
    let dir = test.ancestors().nth(2).map(Path::to_owned).unwrap_or_default();
    let profile = match dir.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(other) => other,
    };
    // With the tests, as `cargo test` builds them, so that no dependency is built twice with other features.
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."));
    let mut command = Command::new(cargo);
    for (name, _) in std::env::vars_os() {
        // Build scripts that watch what cargo tells a test of its package would run again, and with them a
        // third of all dependencies.
        if ["CARGO_MANIFEST_", "CARGO_PKG_"].iter().any(|outer| name.to_string_lossy().starts_with(outer)) {
            command.env_remove(name);
        }
    }
    let built = command
        .args(["build", "--workspace", "--bins", "--tests", "--quiet", "--profile", profile])
        .current_dir(root)
        .output()
        .map_err(|error| format!("cannot start cargo: {error}"))?;
    if built.status.success() {
        Ok(dir)
    } else {
        Err(format!("cannot build: {}", String::from_utf8_lossy(&built.stderr)))
    }
}
