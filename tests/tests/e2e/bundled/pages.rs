//! The pages of the modules in the documentation.

use std::fs;
use std::path::Path;
use std::process::Command;

use rig::{Fleet, bundled_dir, said};

use super::{grant, modules};

#[test]
fn the_pages_of_the_modules_are_what_they_say_of_themselves() {
    let mut fleet = Fleet::without_minions();
    fleet.enrol("web1");
    for (module, _) in modules().iter().filter(|(_, levels)| !levels.is_empty()) {
        grant(&fleet.minion_dir("web1"), module, "read");
    }
    fleet.start_minion_with("web1", &bundled_dir());
    fleet.await_connection("web1", 1);
    let pages = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/modules");
    for module in modules().keys() {
        let said = fleet.run(&["doc", module, "--markdown"]);
        assert_eq!(said.code, 0, "{said:?}");
        let page = pages.join(format!("{module}.md"));
        if std::env::var_os("WRITE_PAGES").is_some() {
            fs::write(&page, &said.out).expect("written");
        }
        let kept = fs::read_to_string(&page).unwrap_or_default();
        assert_eq!(
            kept, said.out,
            "write it anew: WRITE_PAGES=1 cargo test -p overlord-tests --test e2e pages_of_the_modules"
        );
    }
}

/// What an operator types in the sections with a number of a page, one command each.
fn commands(page: &str) -> Vec<String> {
    let sections = page.split("\n## ").filter(|section| section.starts_with(|c: char| c.is_ascii_digit()));
    let one = |section: &str| {
        let mut typed = section.lines().filter_map(|line| line.strip_prefix("$ "));
        let command = typed.next().unwrap_or_else(|| panic!("no command in {section:?}"));
        assert!(typed.next().is_none(), "more than one command in {section:?}");
        command.to_owned()
    };
    sections.map(one).collect()
}

#[test]
fn the_ten_commands_of_the_first_minutes_are_what_the_modules_take() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/ten-minutes.md");
    let page = fs::read_to_string(page).expect("read");
    let commands = commands(&page);
    assert_eq!(commands.len(), 10, "{commands:#?}");
    let shown =
        page.split("```").skip(1).step_by(2).flat_map(str::lines).filter(|line| !line.starts_with("$ "));
    let wide: Vec<&str> = shown.filter(|line| line.chars().count() > 80).collect();
    assert!(wide.is_empty(), "a terminal of 80 columns has no such lines: {wide:#?}");

    let mut fleet = Fleet::without_minions();
    fleet.enrol("web1");
    for (module, levels) in modules() {
        for level in levels.iter().filter(|level| ["read", "manage"].contains(&level.as_str())) {
            grant(&fleet.minion_dir("web1"), &module, level);
        }
    }
    fleet.start_minion_with("web1", &bundled_dir());
    fleet.await_connection("web1", 1);
    // The overlord takes the calls, and nothing of them ever runs on this host.
    fleet.minion("web1").pause();
    let given = tempfile::tempdir().expect("a folder");
    for command in commands {
        for file in command.split_whitespace().filter_map(|word| word.strip_prefix('@')) {
            fs::write(given.path().join(file), "text").expect("written");
        }
        let mut words = command.splitn(4, ' ');
        assert_eq!((words.next(), words.next()), (Some("overlord"), Some("call")), "{command}");
        let rest = words.nth(1).expect("a method");
        let mut shell = fleet.overlord_command();
        let overlord = shell.get_program().to_owned();
        let envs: Vec<_> =
            shell.get_envs().map(|(key, value)| (key.to_owned(), value.map(ToOwned::to_owned))).collect();
        shell = Command::new("sh");
        for (key, value) in envs {
            match value {
                Some(value) => shell.env(key, value),
                None => shell.env_remove(key),
            };
        }
        let line = format!("exec \"$0\" call web1 {rest} --dry-run --nowait");
        let taken = said(shell.arg("-c").arg(line).arg(overlord).current_dir(given.path()));
        assert_eq!(taken.code, 0, "{command}: {taken:?}");
    }
}
