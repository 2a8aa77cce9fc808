//! Running cargo from inside cargo.

use std::path::{Path, PathBuf};
use std::process::Command;

/// What an outer cargo sets for its own build, and must not reach an inner one.
const OUTER: [&str; 12] = [
    "CARGO_BUILD_RUSTFLAGS",
    "CARGO_BUILD_TARGET",
    "CARGO_BUILD_TARGET_DIR",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_MAKEFLAGS",
    "CARGO_TARGET_DIR",
    "LLVM_PROFILE_FILE",
    "MAKEFLAGS",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTC_WRAPPER",
    "RUSTDOCFLAGS",
    "RUSTFLAGS",
];

/// The repository's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new(".")).to_owned()
}

/// The target folder of the host's workspace.
pub(crate) fn target() -> PathBuf {
    let set = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    root().join(set.unwrap_or_else(|| "target".into()))
}

/// The cargo that runs this, with nothing of the outer build about it.
pub(crate) fn inner() -> Command {
    let mut command = tool("cargo");
    for name in OUTER {
        command.env_remove(name);
    }
    command
}

/// A tool of the toolchain that runs this.
pub(crate) fn tool(name: &str) -> Command {
    match std::env::var_os("CARGO") {
        Some(cargo) => Command::new(Path::new(&cargo).with_file_name(name)),
        None => Command::new(name),
    }
}
