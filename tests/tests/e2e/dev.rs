//! The one command that needs no set-up.

use std::fs;
use std::path::Path;
use std::process::Command;

use rig::{Said, binary, bundled_dir, modules_dir, said};

fn dev(exec: &str) -> std::process::Output {
    let modules = modules_dir();
    let mut command = Command::new(binary("overlord"));
    command.args(["dev", "--minions", "2", "--exec", exec, "--modules"]).arg(modules);
    command.env_remove("OVERLORD_DIR").env_remove("OVERLORD_ADDRESS").env_remove("RUST_LOG");
    command.output().expect("runs")
}

#[test]
fn dev_runs_a_command_against_real_minions_and_passes_its_exit_code_on() {
    let output = dev("overlord call '*' test.add 2 3 --json");
    assert!(output.status.success(), "{output:?}");
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON and no more");
    assert_eq!(document["counts"]["ok"], 2);
    assert_eq!(dev("exit 7").status.code(), Some(7));
}

#[test]
fn dev_with_many_minions_runs_them_in_one_process() {
    let modules = tempfile::tempdir().expect("a folder");
    copy(&["system"], modules.path());
    let modules = modules.path().to_str().expect("text");
    let exec = "overlord call '*' system.info --yes --json; ls $(dirname $OVERLORD_DIR)";
    let options = ["--minions", "21", "--modules", modules, "--grant", "read", "--exec", exec];
    let many = said(dev_command(&binary("overlord")).args(options));
    assert_eq!(many.code, 0, "{many:?}");
    let document: serde_json::Value =
        serde_json::from_str(many.out.lines().next().unwrap_or_default()).expect("JSON");
    assert_eq!(document["counts"]["ok"], 21, "{document}");
    let logs: Vec<&str> = many.out.lines().filter(|line| line.ends_with(".log")).collect();
    assert_eq!(logs, ["overlord.log", "swarm.log"], "one process for all minions");
}

#[test]
fn dev_leaves_nothing_behind() {
    let output = dev("echo $OVERLORD_DIR; pgrep -f -c \"$(dirname $OVERLORD_DIR)\" || true");
    assert!(output.status.success(), "{output:?}");
    let out = String::from_utf8_lossy(&output.stdout);
    let dir = out.lines().next().expect("the folder");
    assert!(dir.starts_with('/'), "{out}");
    assert!(!std::path::Path::new(dir).exists(), "{dir} is still there");
}

/// The programs with the bundled modules beside them, as they are installed, and what `dev` says there.
fn installed(modules: &[&str], options: &[&str]) -> Said {
    let program = binary("overlord");
    let folder = tempfile::tempdir_in(program.parent().expect("a folder")).expect("a folder");
    for name in ["overlord", "minion"] {
        fs::hard_link(binary(name), folder.path().join(name)).expect("linked");
    }
    copy(modules, &folder.path().join("modules"));
    dev_of(&folder.path().join("overlord"), options)
}

fn dev_of(program: &Path, options: &[&str]) -> Said {
    said(dev_command(program).args(["--minions", "1"]).args(options))
}

fn dev_command(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.arg("dev").env_remove("OVERLORD_DIR").env_remove("OVERLORD_ADDRESS").env_remove("RUST_LOG");
    command
}

fn copy(modules: &[&str], folder: &Path) {
    fs::create_dir_all(folder).expect("made");
    for module in modules {
        let file = format!("{module}.wasm");
        fs::copy(bundled_dir().join(&file), folder.join(&file)).expect("copied");
    }
}

#[test]
fn dev_grants_what_comes_with_it_to_read_and_what_somebody_names_as_they_say() {
    let call = "overlord call '*' system.info --json";
    let bundled = installed(&["system", "test"], &["--exec", call]);
    assert_eq!(bundled.code, 0, "{bundled:?}");
    assert!(bundled.json()["results"]["web1"]["value"]["hostname"].is_string(), "{bundled:?}");
    assert!(bundled.err.contains("grants system:read; and nothing to test"), "{bundled:?}");

    let own = tempfile::tempdir().expect("a folder");
    copy(&["system", "users"], own.path());
    let own = own.path().to_str().expect("text");
    let (program, named) = (binary("overlord"), ["--modules", own, "--exec", call]);
    let nothing = dev_of(&program, &named);
    assert_eq!(nothing.code, 1, "{nothing:?}");
    assert!(nothing.err.contains("--grant read"), "{nothing:?}");
    assert!(nothing.err.contains("minion grant system:read"), "{nothing:?}");
    let some = dev_of(&program, &[&named[..], &["--grant", "read,manage"]].concat());
    assert_eq!(some.code, 0, "{some:?}");
    assert!(some.err.contains("grants system:manage, users:manage"), "{some:?}");
    let misspelt = dev_of(&program, &[&named[..], &["--grant", "raed"]].concat());
    assert!(misspelt.code == 1 && misspelt.err.contains("they suggest read, manage"), "{misspelt:?}");
}
