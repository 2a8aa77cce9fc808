//! The one command that needs no set-up.

use std::process::Command;

use rig::{binary, modules_dir};

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
fn dev_leaves_nothing_behind() {
    let output = dev("echo $OVERLORD_DIR; pgrep -f -c \"$(dirname $OVERLORD_DIR)\" || true");
    assert!(output.status.success(), "{output:?}");
    let out = String::from_utf8_lossy(&output.stdout);
    let dir = out.lines().next().expect("the folder");
    assert!(dir.starts_with('/'), "{out}");
    assert!(!std::path::Path::new(dir).exists(), "{dir} is still there");
}
