//! What both programs say of how they are used.

use std::process::Command;

use rig::{Fleet, binary};

#[test]
fn what_the_environment_says_is_no_part_of_a_usage_line() {
    for program in ["overlord", "minion"] {
        let said = Command::new(binary(program))
            .args(["call"])
            .env("OVERLORD_DIR", "/nowhere")
            .env("OVERLORD_ADDRESS", "127.0.0.1:9")
            .env("MINION_DIR", "/nowhere")
            .output()
            .expect("ran");
        let err = String::from_utf8_lossy(&said.stderr);
        let usage = err.lines().find(|line| line.starts_with("Usage:")).expect("a usage line");
        assert!(!usage.contains("--dir") && !usage.contains("--address"), "{usage}");
    }
}

#[test]
fn both_programs_complete_their_commands() {
    let mut fleet = Fleet::without_minions();
    fleet.enrol("web1");
    for shell in ["bash", "zsh", "fish"] {
        let overlord = fleet.overlord_command().args(["completions", shell]).output().expect("ran");
        let minion = fleet.minion_command("web1").args(["completions", shell]).output().expect("ran");
        for (said, command) in [(overlord, "invite"), (minion, "bindings")] {
            assert!(
                said.status.success() && String::from_utf8_lossy(&said.stdout).contains(command),
                "{shell}"
            );
        }
    }
}
