//! What failed is not hidden by a pipe that nobody reads.

use std::io::{BufRead as _, BufReader, pipe};
use std::process::{Command, Stdio};

use rig::{Fleet, Said, modules_dir, until};

use crate::gate::Gated;

/// What a command says of whose stdout nobody reads anything.
fn unread(command: &mut Command) -> Said {
    let (reader, writer) = pipe().expect("a pipe");
    drop(reader);
    let child = command.stdin(Stdio::null()).stdout(writer).stderr(Stdio::piped()).spawn().expect("started");
    let said: Said = child.wait_with_output().expect("ends").into();
    assert!(!said.err.contains("panic"), "{said:?}");
    said
}

#[test]
fn a_failure_that_is_known_is_the_exit_code_whoever_reads() {
    let mut fleet = Fleet::start(&["web1", "web2"]);
    let overlord = |arguments: &[&str]| unread(fleet.overlord_command().args(arguments));
    let failed = fleet.run(&["call", "*", "test.fail", "no", "--json"]).json();
    let failed = failed["job"].as_str().expect("an id").to_owned();
    let file = modules_dir().join("test.wasm");
    let file = file.to_str().expect("text");
    for (arguments, code) in [
        (&["call", "*", "test.fail", "no", "--batch", "1", "--jsonl"][..], 1),
        (&["call", "*", "test.fail", "no"], 1),
        (&["call", "*", "test.fail", "no", "--json"], 1),
        (&["job", "wait", &failed], 1),
        (&["job", "wait", &failed, "--jsonl"], 1),
        (&["job", "show", &failed, "--follow"], 1),
        (&["job", "result", &failed], 1),
        (&["job", "rerun", &failed, "--json"], 1),
        (&["facts", "*", "no.such.fact"], 1),
        (&["call", "*", "test.ping"], 141),
        (&["call", "*", "test.ping", "--jsonl"], 141),
        (&["ping", "*"], 141),
        (&["job", "list"], 141),
        (&["job", "show", &failed], 141),
        (&["job", "history", &failed], 141),
        (&["minion", "list"], 141),
        (&["module", "list"], 141),
        (&["module", "push", "*", file], 141),
        (&["doc", "test.ping"], 141),
        (&["targets", "*"], 141),
        (&["status"], 141),
        (&["completions", "bash"], 141),
        (&["job", "show", "no-such-job"], 2),
    ] {
        let said = overlord(arguments);
        assert_eq!(said.code, code, "{arguments:?}: {said:?}");
    }
    let minion = |arguments: &[&str]| unread(fleet.minion_command("web1").args(arguments)).code;
    assert_eq!(minion(&["check", file]), 141);
    assert_eq!(minion(&["call", file, "ping", "--json"]), 141);
    assert_eq!(minion(&["call", file, "fail", "no", "--json"]), 1);
    assert_eq!(minion(&["modules"]), 141);
    fleet.take_minion("web2").stop();
    fleet.overlord().logged("gone minion=web2", 1);
    assert_eq!(unread(fleet.overlord_command().args(["ping", "*"])).code, 1);
}

#[test]
fn a_reader_that_goes_halfway_hides_no_failure_either() {
    let gated = Gated::start(&["web1", "web2"]);
    let id = gated.submit(&["*"]);
    let mut waiting = gated.fleet.spawn(&["job", "wait", &id, "--jsonl"]);
    gated.release("web1");
    let mut lines = BufReader::new(waiting.stdout.take().expect("piped"));
    let mut line = String::new();
    lines.read_line(&mut line).expect("read");
    assert!(line.contains("\"ok\""), "{line}");
    drop(lines);
    gated.release("web2");
    let said: Said = waiting.wait_with_output().expect("ends").into();
    assert_eq!(said.code, 141, "{said:?}");
    assert!(!said.err.contains("panic"), "{said:?}");
}

#[test]
fn a_daemon_whose_log_nobody_reads_goes_on() {
    let mut fleet = Fleet::start(&["web1"]);
    fleet.take_overlord().stop();
    let (reader, writer) = pipe().expect("a pipe");
    drop(reader);
    let mut serve = fleet.overlord_command();
    let mut overlord = serve
        .arg("serve")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(writer)
        .spawn()
        .expect("started");
    until(|| {
        let listed = fleet.run(&["minion", "list", "--json"]);
        if listed.out.contains("\"connected\":true") { Ok(()) } else { Err(format!("{listed:?}")) }
    });
    assert_eq!(fleet.run(&["call", "web1", "test.ping"]).code, 0);
    overlord.kill().expect("killed");
    overlord.wait().expect("ends");
}
