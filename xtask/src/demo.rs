//! `cargo modules` and `cargo demo`: from a fresh clone to three minions and a call on all of them.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};

use crate::cargo;
use crate::modules::{self, Change};

/// What the demonstration shows: a call that touches nothing of the host, and one that reads what it is granted.
const CALLS: &str = "overlord call '*' test.add 2 3 && overlord call '*' system.info";

/// Builds the bundled modules into the folder that `overlord dev` looks in, and says what it did.
pub fn modules() -> anyhow::Result<()> {
    step("building the modules in plugins/ (the first time takes a minute)");
    let folder = binaries().join("modules");
    for module in modules::install(&folder)? {
        let what = match module.change {
            Change::Written => "wrote",
            Change::None => "unchanged",
        };
        step(&format!(
            "{what} {}",
            module.file.strip_prefix(cargo::root()).unwrap_or(&module.file).display()
        ));
    }
    Ok(())
}

/// Builds everything, starts an overlord and three minions, calls methods on all of them, and ends them.
///
/// Gives back the exit code of the calls.
pub fn demo() -> anyhow::Result<ExitCode> {
    step("building overlord and minion (the first time takes some minutes)");
    let mut build = cargo::tool("cargo");
    build.current_dir(cargo::root()).args(["build", "--workspace", "--bins"]);
    if !build.status().context("running cargo")?.success() {
        bail!("the build failed; its output is above");
    }
    modules()?;
    step("starting an overlord and three minions on this machine, with data that is thrown away");
    step(CALLS);
    let mut overlord = std::process::Command::new(binaries().join("overlord"));
    overlord.args(["dev", "--minions", "3", "--exec", CALLS]);
    // So that the command above means the overlord that was just built.
    overlord.env("PATH", path_with(&binaries())?);
    let status = overlord.status().context("running overlord")?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
}

fn binaries() -> PathBuf {
    cargo::target().join("debug")
}

fn path_with(first: &Path) -> anyhow::Result<OsString> {
    let rest = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(first.to_owned()).chain(std::env::split_paths(&rest));
    std::env::join_paths(folders).context("the target folder has a colon in its name")
}

fn step(text: &str) {
    eprintln!("==> {text}");
}
