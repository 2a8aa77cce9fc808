//! The commands of `docs/modules.md`, taken at their word.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use rig::{Said, binary, example};

use super::new::path;

/// What the page shows in blocks of this language, in order.
fn shown(language: &str) -> Vec<String> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/modules.md");
    let page = fs::read_to_string(page).expect("reads");
    let chapter = page.split("\n## Commands\n").nth(1).and_then(|rest| rest.split("\n## ").next());
    let fence = format!("```{language}\n");
    let blocks = chapter.expect("the chapter").split(&fence).skip(1);
    blocks.map(|block| block.split("```").next().unwrap_or_default().to_owned()).collect()
}

fn greets(module: &Path, folder: &Path) {
    let call = |arguments: &str| -> Said {
        let mut minion = Command::new(binary("minion"));
        minion.arg("call").arg(module).args(["run", arguments]).env("MINION_DIR", folder.join("minion"));
        minion.output().expect("runs").into()
    };
    let said = call(r#"["you", "me"]"#);
    assert_eq!((said.code, said.out.trim_end()), (0, "hello, you and me"), "{said:?}");
    let said = call("[]");
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.err.ends_with("error: exited with code 1: nobody to greet\n"), "{said:?}");
}

#[test]
fn a_main_in_rust_is_a_method() {
    let Some(example) = example("rust") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let [source] = shown("rust").try_into().expect("one block");
    fs::create_dir(folder.path().join("src")).expect("made");
    fs::write(folder.path().join("src/main.rs"), source).expect("written");
    let manifest = "[package]\nname = \"hello\"\nedition = \"2024\"\n";
    fs::write(folder.path().join("Cargo.toml"), manifest).expect("written");
    // What was compiled from this the last time is still good.
    let kept = example.file.with_file_name("command-rust");
    fs::create_dir_all(&kept).expect("made");
    symlink(kept, folder.path().join("target")).expect("linked");
    let commands = shown("sh").concat();
    let build = commands.lines().find(|line| line.starts_with("cargo")).expect("a command");
    run(build, &path(&example), folder.path());
    greets(&folder.path().join("target/wasm32-wasip2/release/hello.wasm"), folder.path());
}

#[test]
fn a_main_in_python_is_a_method() {
    let Some(example) = example("python") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir_all(folder.path().join("wit/deps")).expect("made");
    let [source] = shown("python").try_into().expect("one block");
    fs::write(folder.path().join("app.py"), source).expect("written");
    for file in shown("wit").iter().filter(|block| block.starts_with("// ")) {
        let (name, text) = file["// ".len()..].split_once('\n').expect("a name first");
        fs::write(folder.path().join(name), text).expect("written");
    }
    let commands = shown("sh").concat();
    let build = commands.lines().find(|line| line.starts_with("componentize-py")).expect("a command");
    run(build, &path(&example), folder.path());
    greets(&folder.path().join("hello.wasm"), folder.path());
}

fn run(command: &str, path: &std::ffi::OsStr, folder: &Path) {
    let mut shell = Command::new("sh");
    shell.current_dir(folder).args(["-c", command]).env("PATH", path);
    // What the cargo around the test has set is not what an author's shell has.
    shell.env_remove("CARGO_TARGET_DIR").env_remove("RUSTFLAGS").env_remove("MAKEFLAGS");
    let said = Said::from(shell.output().expect("runs"));
    assert_eq!(said.code, 0, "`{command}` failed: {said:?}");
}
