//! What people and programs see of what guests say, and how they say things to guests.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use rig::{Fleet, binary, modules_dir};

/// Runs a command with this on its standard input.
fn fed(command: &mut Command, stdin: &[u8]) -> Output {
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("starts");
    // A command that refuses before it reads closes the pipe.
    let _ = child.stdin.take().expect("piped").write_all(stdin);
    child.wait_with_output().expect("ends")
}

fn minion_call() -> Command {
    let mut command = Command::new(binary("minion"));
    command.arg("call").arg(modules_dir().join("test.wasm"));
    command
}

fn said(output: &Output) -> (String, i32) {
    (String::from_utf8_lossy(&output.stderr).into_owned(), output.status.code().unwrap_or(-1))
}

#[test]
fn what_guests_say_is_shown_as_theirs_and_given_to_programs_as_it_is() {
    let fleet = Fleet::start(&["web1", "web2", "web3", "web4", "web10"]);
    // Five that say the same are one row, in the order in which people count.
    let same = fleet.run(&["call", "*", "test.add", "2", "3"]);
    assert!(same.out.contains("5 minions    ok") && same.out.contains("web[1-4,10]"), "{same:?}");
    let names = fleet.run(&["targets", "*", "--json"]).json();
    assert_eq!(
        (&names["minions"][1]["name"], &names["minions"][4]["name"]),
        (&"web2".into(), &"web10".into())
    );
    // A panic is there once, in the log and in the table.
    let panic = fleet.run(&["call", "*", "test.explode", "boom 42", "--async"]);
    let log = panic.err.lines().filter(|line| line.contains("boom 42")).count();
    assert!(log <= 5 && panic.out.matches("boom 42").count() == 1, "{panic:?}");
    // No line passes for one of another minion.
    let forged = fleet.run(&["call", "web1", "test.log", "ok\nweb2: error: disk is full", "--async"]);
    assert!(forged.err.contains("web1: web2: error: disk is full"), "{forged:?}");
    assert!(!forged.err.lines().any(|line| line.starts_with("web2")), "{forged:?}");

    // What a method returned, byte for byte, and bytes as they are.
    let text = "a\tb\u{1b}[31mc\r\nd";
    for target in ["web1", "web1,web2"] {
        let shown =
            fleet.overlord_command().args(["call", target, "test.echo-string", text]).output().expect("ran");
        let out = String::from_utf8_lossy(&shown.stdout).into_owned();
        assert!(out.contains("a\tb\u{1b}[31mc\r") && out.contains('d'), "{out:?}");
    }
    let bytes = [0, 10, 13, 27, 255, 128];
    let call = |target: &str, method: &str, word: &str, stdin: &[u8]| {
        let arguments = ["call", target, method, word, "--output", "raw"];
        fed(fleet.overlord_command().args(arguments), stdin)
    };
    assert_eq!(call("web1", "test.echo-bytes", "-", &bytes).stdout, bytes);
    assert_eq!(call("web1", "test.echo-string", "-", "grüße\n".as_bytes()).stdout, "grüße\n".as_bytes());
    assert_eq!(call("web1", "test.echo-string", "@@admin", b"").stdout, b"@admin");
    for (target, method, word, stdin, why) in [
        ("*", "test.echo-bytes", "-", &bytes[..], "one minion"),
        ("web1", "test.echo-s64", "5", b"", "string or list<u8>"),
        ("web1", "test.echo-string", "-", &bytes, "UTF-8"),
    ] {
        let (error, code) = said(&call(target, method, word, stdin));
        assert!(code == 2 && error.contains(why), "{why}: {code} {error}");
    }
}

#[test]
fn arguments_that_no_call_carries_are_refused_before_anything_is_sent() {
    let fleet = Fleet::start(&["web1"]);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("large");
    std::fs::write(&file, vec![b'x'; (8 << 20) + 1]).expect("written");
    let word = format!("@{}", file.display());
    let refused = |output: Output| {
        let (error, code) = said(&output);
        assert!(code == 2 && error.contains("8 MiB") && error.contains("granted"), "{code} {error}");
    };
    for method in ["test.echo-bytes", "test.echo-string"] {
        refused(fed(fleet.overlord_command().args(["call", "*", method, &word]), b""));
        refused(fed(minion_call().args([method, &word]), b""));
    }
    // Two that fit by themselves, and one that is text.
    let half = vec![b'x'; (4 << 20) + 1];
    std::fs::write(&file, &half).expect("written");
    refused(fed(fleet.overlord_command().args(["call", "*", "test.concat", &word, "-"]), &half));
    refused(fed(minion_call().args(["concat", &word, "-"]), &half));
    let twice = fed(minion_call().args(["concat", "-", "-"]), b"");
    assert!(said(&twice).0.contains("one argument only"), "{twice:?}");
    let jobs = fleet.run(&["job", "list", "--json"]).json();
    assert_eq!(jobs["jobs"].as_array().map(Vec::len), Some(0), "{jobs}");
    // What is just small enough gets there, and half of it back.
    let most = vec![b'x'; 8 << 20];
    let got_there = fed(minion_call().args(["echo-string", "-"]), &most);
    assert!(said(&got_there).0.contains("limits.output"), "{:?}", said(&got_there));
    let got_there = fed(fleet.overlord_command().args(["call", "web1", "test.echo-bytes", "-"]), &most);
    assert!(String::from_utf8_lossy(&got_there.stdout).contains("limits.output"), "{:?}", said(&got_there));
    let some = &most[..3 << 20];
    let echoed = fed(minion_call().args(["echo-string", "-", "--output", "raw"]), some);
    assert!(echoed.stdout == some, "{:?}", said(&echoed));
}
