//! Building a workspace of guests, and finding what came out.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::cargo;

/// What guests are built for.
pub const TARGET: &str = "wasm32-wasip2";

/// A workspace of guests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Workspace {
    /// The bundled modules.
    Plugins,
    /// The guests that only tests use.
    Fixtures,
    /// The first module that is written with the SDK.
    Hello,
}

/// Why guests could not be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// A tool could not be started.
    #[error("could not run `{tool}`: {cause}; it comes with rustup, see https://rustup.rs")]
    Tool {
        /// Which tool.
        tool: String,
        /// Why not.
        cause: std::io::Error,
    },
    /// The target is missing and could not be added.
    #[error("the target {TARGET} is missing; run `rustup target add {TARGET}`:\n{stderr}")]
    Target {
        /// What rustup said.
        stderr: String,
    },
    /// The guests do not compile.
    #[error("building the guests in \"{}\" failed:\n{stderr}", .folder.display())]
    Compile {
        /// The workspace's folder.
        folder: PathBuf,
        /// What cargo said.
        stderr: String,
    },
}

impl Workspace {
    /// The workspace's folder.
    pub fn folder(self) -> PathBuf {
        cargo::root().join(match self {
            Workspace::Plugins => "plugins",
            Workspace::Fixtures => "tests/fixtures",
            Workspace::Hello => "examples/hello",
        })
    }

    /// The target folder of its own: never the one whose lock an outer cargo may hold.
    fn target(self) -> PathBuf {
        cargo::target().join(match self {
            Workspace::Plugins => "plugins",
            Workspace::Fixtures => "fixtures",
            Workspace::Hello => "hello",
        })
    }
}

/// Builds a workspace of guests and gives back the folder with their `.wasm` files.
///
/// Takes under a second where nothing has changed. Several processes may ask at once: cargo makes them wait
/// for each other.
pub fn build(workspace: Workspace) -> Result<PathBuf, BuildError> {
    add_target()?;
    let (folder, target) = (workspace.folder(), workspace.target());
    let mut command = cargo::inner();
    // Run from inside the folder, or cargo would not see its `.cargo/config.toml`.
    command.current_dir(&folder).args(["build", "--release", "--locked", "--target", TARGET]);
    command.arg("--target-dir").arg(&target);
    let output = run(&mut command, "cargo")?;
    if !output.status.success() {
        return Err(BuildError::Compile { folder, stderr: text(&output.stderr) });
    }
    Ok(target.join(TARGET).join("release"))
}

/// The `.wasm` file of a bundled module, for tests: built first, once in a process.
///
/// Panics where it cannot be built or there is no such module, with the compiler's words.
pub fn module(name: &str) -> PathBuf {
    static PLUGINS: OnceLock<PathBuf> = OnceLock::new();
    built(&PLUGINS, Workspace::Plugins, name)
}

/// The `.wasm` file of a fixture, for tests: built first, once in a process.
///
/// Panics where it cannot be built or there is no such fixture, with the compiler's words.
pub fn fixture(name: &str) -> PathBuf {
    static FIXTURES: OnceLock<PathBuf> = OnceLock::new();
    built(&FIXTURES, Workspace::Fixtures, name)
}

fn built(once: &OnceLock<PathBuf>, workspace: Workspace, name: &str) -> PathBuf {
    let folder = once.get_or_init(|| build(workspace).unwrap_or_else(|error| panic!("{error}")));
    let file = folder.join(name.replace('-', "_")).with_extension("wasm");
    assert!(file.exists(), "no guest \"{name}\" in \"{}\"", workspace.folder().display());
    file
}

/// Adds the target where it is missing: rustup does not everywhere do so by itself for the `targets` of
/// `rust-toolchain.toml`.
fn add_target() -> Result<(), BuildError> {
    let root = cargo::root();
    let mut rustc = cargo::tool("rustc");
    rustc.current_dir(&root).args(["--print", "target-libdir", "--target", TARGET]);
    let libraries = run(&mut rustc, "rustc")?;
    if libraries.status.success() && Path::new(text(&libraries.stdout).trim()).is_dir() {
        return Ok(());
    }
    let mut rustup = Command::new("rustup");
    rustup.current_dir(&root).args(["target", "add", TARGET]);
    let added = run(&mut rustup, "rustup")?;
    if added.status.success() { Ok(()) } else { Err(BuildError::Target { stderr: text(&added.stderr) }) }
}

fn run(command: &mut Command, tool: &str) -> Result<std::process::Output, BuildError> {
    command.output().map_err(|cause| BuildError::Tool { tool: tool.to_owned(), cause })
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bundled_module_is_a_component_that_carries_its_docs() {
        let bytes = std::fs::read(module("test")).expect("reads");
        // The preamble of a component, which differs from a core module's in its second half.
        assert_eq!(&bytes[..8], b"\0asm\x0d\0\x01\0");
        let contains = |text: &[u8]| bytes.windows(text.len()).any(|window| window == text);
        assert!(contains(b"minion:wit") && contains(b"Answers `pong`."));
    }

    #[test]
    fn a_second_build_gives_the_same_folder() {
        assert_eq!(build(Workspace::Plugins).expect("builds"), module("test").parent().expect("a folder"));
    }
}
