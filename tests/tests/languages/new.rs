//! What `minion new` makes, taken at its word: the commands of its README, and then a call.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use rig::{Example, Said, binary, example};

/// A module as an author has it after the two commands of its README.
struct Project {
    folder: tempfile::TempDir,
    path: std::ffi::OsString,
}

impl Project {
    /// Makes and builds it, unless the language's tools cannot be had.
    fn build(language: &str) -> Option<Self> {
        Self::build_with(language, |_| ())
    }

    /// The same with what its author changes in the folder before building.
    fn build_with(language: &str, change: impl FnOnce(&Path)) -> Option<Self> {
        let example = example(language)?;
        let folder = tempfile::tempdir().expect("a folder");
        let project = Self { path: path(&example), folder };
        let made = project.run(&["new", NAME, "--lang", language, "-o", "."]);
        assert_eq!(made.code, 0, "{made:?}");
        if language == "rust" {
            // What this was compiled from the last time is still good.
            let kept = example.file.with_file_name("new-rust");
            fs::create_dir_all(&kept).expect("made");
            symlink(kept, project.folder.path().join("target")).expect("linked");
        }
        change(project.folder.path());
        let readme = fs::read_to_string(project.folder.path().join("README.md")).expect("reads");
        let commands: Vec<&str> = readme.lines().filter_map(|line| line.strip_prefix("    ")).collect();
        assert_eq!(commands.len(), 2, "{readme}");
        for command in commands {
            let mut shell = project.command(Path::new("sh"));
            let said = Said::from(shell.args(["-c", command]).output().expect("runs"));
            assert_eq!(said.code, 0, "{language}: `{command}` failed: {}\n{}", said.out, said.err);
        }
        Some(project)
    }

    /// Runs `minion` in the project's folder.
    fn run(&self, arguments: &[&str]) -> Said {
        self.command(&binary("minion")).args(arguments).output().expect("runs").into()
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.folder.path()).env("PATH", &self.path);
        command.env("MINION_DIR", self.folder.path().join("minion"));
        // What the cargo around the test has set is not what an author's shell has.
        command.env_remove("CARGO_TARGET_DIR").env_remove("RUSTFLAGS").env_remove("MAKEFLAGS");
        // What was downloaded once is good enough.
        command.env("npm_config_prefer_offline", "true").env("npm_config_audit", "false");
        command
    }
}

/// Not the name of an identifier in any of the languages.
const NAME: &str = "web-disk_2";

/// Where an author has installed `minion` and the language's tools.
pub(super) fn path(example: &Example) -> std::ffi::OsString {
    let minion = binary("minion").parent().map(PathBuf::from).expect("a folder");
    let rest = std::env::var_os("PATH").unwrap_or_default();
    let folders = [minion].into_iter().chain(example.tools.clone()).chain(std::env::split_paths(&rest));
    std::env::join_paths(folders).expect("no colon in a folder's name")
}

/// What holds for a new module of every language.
fn keeps_its_word(language: &str) {
    let Some(project) = Project::build(language) else { return };
    let file = format!("{NAME}.wasm");
    let call = |arguments: &[&str]| project.run(&[&["call", &file], arguments].concat());

    let said = call(&["greet", "you"]);
    assert_eq!((said.code, said.out.as_str()), (0, "hello, you\n"), "{said:?}");
    let said = call(&["count", "5"]);
    assert_eq!((said.code, said.out.as_str()), (0, "5\n"), "{said:?}");
    assert!(said.err.contains("counted to 5"), "{said:?}");
    let said = call(&["divide", "7", "0"]);
    assert_eq!((said.code, said.err.as_str()), (1, "error: cannot divide 7 by zero\n"), "{said:?}");
    let said = call(&["divide", "7", "0", "--json"]);
    assert_eq!(said.json()["outcome"], "error", "{said:?}");
    assert_eq!(call(&["divide", "7"]).code, 2);

    let said = project.run(&["check", &file]);
    assert_eq!(said.code, 0, "{said:?}");
    for text in
        ["Says here in one line what the module web-disk_2 is for.", "Counts from 1, reporting progress"]
    {
        assert!(said.out.contains(text), "no \"{text}\" in {said:?}");
    }
    assert!(!said.out.contains("warning"), "{said:?}");
    let noted = said.out.contains("note: JavaScript makes numbers fit in silence");
    assert_eq!(noted, ["js", "ts"].contains(&language), "{said:?}");
}

#[test]
fn a_new_rust_module_builds_by_its_readme_and_answers() {
    keeps_its_word("rust");
}

#[test]
fn a_new_c_module_builds_by_its_readme_and_answers() {
    keeps_its_word("c");
}

#[test]
fn a_new_python_module_builds_by_its_readme_and_answers() {
    keeps_its_word("python");
}

#[test]
fn a_new_javascript_module_builds_by_its_readme_and_answers() {
    keeps_its_word("js");
}

#[test]
fn a_new_typescript_module_builds_by_its_readme_and_answers() {
    keeps_its_word("ts");
}

#[test]
fn a_new_go_module_builds_by_its_readme_and_answers() {
    keeps_its_word("go");
}

const CONSOLE: &str = r#"
import "./console.js";

console.warn("built");

export const webDisk2 = {
  greet(name) {
    const held = { name, list: [1, null], map: new Map([["a", 2n]]) };
    held.self = held;
    console.log("hello %s, %d%%", name, 5, held);
    console.group("in");
    console.error("a\nb", new TypeError("no").message);
    console.groupEnd();
    console.debug(undefined);
    console.assert(1 === 1, "never");
    return String(name);
  },
  count: () => 300.7,
  divide: () => Promise.resolve(),
};
"#;

#[test]
fn the_console_of_javascript_writes_to_the_log() {
    let change = |folder: &Path| fs::write(folder.join("module.js"), CONSOLE).expect("written");
    let Some(project) = Project::build_with("js", change) else { return };
    let said = project.run(&["call", &format!("{NAME}.wasm"), "greet", "you"]);
    assert_eq!((said.code, said.out.as_str()), (0, "you\n"), "{said:?}");
    for line in [
        "warn: built",
        r#"info: hello you, 5% { name: "you", list: [ 1, null ], map: Map { "a" => 2n }, self: [circular] }"#,
        "info: in",
        "debug: undefined",
    ] {
        assert!(said.err.lines().any(|said| said.ends_with(line)), "no {line:?} in\n{}", said.err);
    }
    assert!(said.err.contains("error:   a\n") && said.err.contains("  b no\n"), "{}", said.err);
    assert!(!said.err.contains("never"), "{}", said.err);
}

#[test]
fn the_module_of_the_readme_is_made_built_and_called_by_what_it_says() {
    let Some(example) = example("rust") else { return };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let readme = fs::read_to_string(root.join("README.md")).expect("reads");
    let chapter = readme.split("## A module of your own").nth(1).expect("the chapter");
    let folder = tempfile::tempdir().expect("a folder");
    let tour = folder.path().to_str().expect("text");
    let mut commands = chapter.split("```sh\n").skip(1).flat_map(|block| {
        block.split("```").next().unwrap_or_default().lines().filter(|line| !line.starts_with(['c', 'o']))
    });
    let run = |command: &str| {
        let mut shell = Command::new("sh");
        shell.current_dir(folder.path()).args(["-c", &command.replace("/tmp/tour", tour)]);
        shell.env("PATH", path(&example)).env("MINION_DIR", folder.path().join("minion"));
        shell.env_remove("CARGO_TARGET_DIR").env_remove("RUSTFLAGS");
        let said = Said::from(shell.output().expect("runs"));
        assert_eq!(said.code, 0, "`{command}` failed: {said:?}");
        said
    };
    run(commands.next().expect("the first"));
    // What was compiled the last time is still good.
    let kept = example.file.with_file_name("new-rust");
    fs::create_dir_all(&kept).expect("made");
    symlink(kept, folder.path().join("hello/target")).expect("linked");
    let said = commands.map(run).last().expect("a call");
    assert_eq!(said.out, "hello, world\n", "{said:?}");
}
