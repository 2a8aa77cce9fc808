//! `command`.

use std::fs;
use std::path::{Path, PathBuf};

use nix::sys::stat::Mode;
use rig::{Fleet, Said, bundled_dir, said};
use serde_json::{Value, json};

use super::{Bench, can_unshare, grant};

/// A list of words as it is written in a call.
fn argv(words: &[&str]) -> String {
    json!(words).to_string()
}

/// Runs a program at the level that may, with these options where there are some.
fn run(bench: &Bench, words: &[&str], options: &[&str]) -> Value {
    bench.value("manage", "command.run", &[&[argv(words).as_str()], options].concat())
}

fn ended(exit: i32, stdout: &str, stderr: &str) -> Value {
    json!({ "exit": exit, "stdout": stdout, "stderr": stderr })
}

#[test]
fn a_program_gets_its_words_as_they_are_and_its_end_is_told() {
    if !can_unshare() {
        return;
    }
    let bench = Bench::new();
    assert_eq!(run(&bench, &["echo", "-n", "foo"], &[]), ended(0, "foo", ""));
    let odd = ["", "a b", "$(id)", "*", "; id", "-x", "..", "@x", "é"];
    let shown = odd.map(|word| format!("<{word}>")).concat();
    assert_eq!(run(&bench, &[&["printf", "<%s>"], &odd[..]].concat(), &[]), ended(0, &shown, ""));
    let both = ["sh", "-c", "echo out; echo err >&2; exit 3"];
    assert_eq!(run(&bench, &both, &[]), ended(3, "out\n", "err\n"));
    assert_eq!(run(&bench, &["sh", "-c", "kill -9 $$"], &[]), ended(137, "", ""));
    assert_eq!(run(&bench, &["/bin/pwd"], &[]), ended(0, "/\n", ""));
    assert_eq!(run(&bench, &["cat"], &[r#"{stdin: "a\nb"}"#]), ended(0, "a\nb", ""));
    assert_eq!(run(&bench, &["pwd"], &[r#"{cwd: "/bench"}"#]), ended(0, "/bench\n", ""));
    let environment = run(&bench, &["env"], &[r#"{env: [("BLIPPYFOO", "awesome"), ("LD_X", "a=b")]}"#]);
    let environment = environment["stdout"].as_str().expect("text").to_owned();
    let is_there = |line: &str| environment.lines().any(|it| it == line);
    assert!(is_there("BLIPPYFOO=awesome") && is_there("LD_X=a=b"), "{environment}");
    assert!(!environment.contains("HOME="), "{environment}");

    let error = |words: &[&str], options: &[&str]| {
        bench.error("manage", "command.run", &[&[argv(words).as_str()], options].concat())
    };
    for program in ["no-such-program", "; touch /bench/x", "bin/ls", "./ls", "", "/etc/passwd", "/bin"] {
        assert!(error(&[program], &[])["not-found"].is_string(), "{program:?}");
    }
    assert!(error(&[], &[])["invalid"].is_string());
    assert!(error(&["ls"], &[r#"{cwd: "/no/such/folder"}"#])["other"].is_string());
    let late = &error(&["sh", "-c", "echo no >&2; sleep 600"], &["{timeout: 1}"])["failed"];
    assert!(late["exit"].is_null() && late["stderr"].to_string().contains("no\\nended after 1 s"), "{late}");
}

#[test]
fn a_program_runs_as_another_user_where_that_is_asked() {
    if !can_unshare() {
        return;
    }
    let bench = Bench::new();
    let as_nobody = r#"{user: "nobody", env: [("SHELL", "/bin/x")]}"#;
    let id = bench.printed("id", &["nobody"]);
    assert_eq!(run(&bench, &["id"], &[as_nobody]), ended(0, &id, ""));
    assert_eq!(run(&bench, &["id"], &[r#"{user: "65534"}"#]), ended(0, &id, ""));
    let seen =
        run(&bench, &["sh", "-c", "echo $HOME $USER $LOGNAME $SHELL; touch /bench/x; echo $?"], &[as_nobody]);
    assert!(seen["stdout"].as_str().is_some_and(|it| it.contains(" nobody nobody /bin/x\n1\n")), "{seen}");
    assert_eq!(run(&bench, &["sh", "-c", "exit 7"], &[as_nobody]), ended(7, "", ""));
    for (program, user) in
        [("no-such-program", "nobody"), ("bin/ls", "nobody"), ("ls", "no-such-user"), ("-x", "nobody")]
    {
        let (words, options) = (argv(&[program]), format!("{{user: {user:?}}}"));
        let error = bench.error("manage", "command.run", &[&words, &options]);
        assert!(error["not-found"].is_string(), "{program} as {user}: {error}");
    }
    let error = bench.error("manage", "command.run", &[&argv(&["ls"]), r#"{user: "-r"}"#]);
    assert!(error["invalid"].is_string(), "{error}");
}

#[test]
fn each_level_gives_what_it_says_and_a_dry_run_runs_nothing() {
    if !can_unshare() {
        return;
    }
    let bench = Bench::new();
    for (program, is_there) in [
        ("ls", true),
        ("/bin/ls", true),
        ("no-such-program", false),
        ("bin/ls", false),
        ("/etc/passwd", false),
    ] {
        assert_eq!(bench.value("read", "command.exists", &[program]), is_there, "{program}");
    }
    for words in
        [&["ls"][..], &["which", "-a", "--", "ls"], &["which", "--", "-a"], &["which", "--", "ls", "ls"]]
    {
        let error = bench.error("read", "command.run", &[&argv(words)]);
        let denied = error["denied"].as_str().unwrap_or_default();
        assert!(denied.contains("minion grant command:manage"), "{words:?}: {error}");
    }
    let script = "echo \"$1\" | tr a b; touch /bench/made; ls /bench/mad*";
    let denied = bench.error("manage", "command.script", &["sh", script]);
    assert!(
        denied["denied"].as_str().is_some_and(|it| it.contains("minion grant command:script")),
        "{denied}"
    );
    for (level, method, arguments) in [
        ("manage", "command.run", &[r#"["touch", "/bench/made"]"#][..]),
        ("manage", "command.run", &[r#"["touch", "/bench/made"]"#, r#"{user: "root"}"#]),
        ("manage", "command.run", &[r#"["touch", "/bench/made"]"#, "{streamed: true}"]),
        ("script", "command.script", &["sh", script]),
    ] {
        let said = bench.dry(level, method, arguments);
        let document = said.json();
        assert!(document["would"].as_array().is_some_and(|would| would.len() == 1), "{said:?}");
        assert!(document["error"]["value"]["dry-run"].is_string(), "{said:?}");
    }
    assert!(!bench.path("/bench/made").exists());
    let made = bench.value("script", "command.script", &["sh", script, r#"["-a a"]"#]);
    assert_eq!(made, ended(0, "-b b\n/bench/made\n", ""));
    let python = "import sys; print(sys.argv[1:]); sys.exit(5)";
    let said = bench.value("script", "command.script", &["python", python, r#"["-x"]"#]);
    assert_eq!(said, ended(5, "['-x']\n", ""));
}

#[test]
fn what_is_streamed_is_seen_while_it_runs() {
    if !can_unshare() {
        return;
    }
    let bench = Bench::new();
    let words = argv(&["sh", "-c", "echo one; echo two >&2; cat"]);
    let said = bench.call("manage", "command.run", &[&words, r#"{streamed: true, stdin: "three"}"#]);
    assert_eq!(said.json()["value"], ended(0, "one\nthree", "two\n"), "{said:?}");
    for part in ["part: one", "part: two", "part: three"] {
        assert!(said.err.lines().any(|line| line.ends_with(part)), "{said:?}");
    }
}

/// A pipe with a name, which a program of a test writes its process id to.
fn pipe(folder: &Path, name: &str) -> PathBuf {
    let path = folder.join(name);
    nix::unistd::mkfifo(&path, Mode::S_IRWXU).expect("made");
    path
}

fn is_alive(pid: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
    stat.rsplit(')').next().is_some_and(|rest| !rest.is_empty() && !rest.trim_start().starts_with('Z'))
}

#[test]
fn a_program_ends_with_its_job_and_so_does_all_that_it_started() {
    if !can_unshare() {
        return;
    }
    let mut fleet = Fleet::without_minions();
    fleet.enrol("web1");
    grant(&fleet.minion_dir("web1"), "command", "manage");
    fleet.start_minion_with("web1", &bundled_dir());
    fleet.await_connection("web1", 1);
    let folder = tempfile::tempdir().expect("a folder");
    let script = "env -i setsid sh -c 'echo $$ >\"$0\"; exec sleep 600' \"$1\" & trap '' TERM; echo $$ >\"$0\"; \
                  sleep 600; sleep 600";
    for (nth, options) in ["{}", "{streamed: true}", r#"{user: "root"}"#].iter().enumerate() {
        let (own, other) =
            (pipe(folder.path(), &format!("own{nth}")), pipe(folder.path(), &format!("other{nth}")));
        let words = argv(&["sh", "-c", script, &own.display().to_string(), &other.display().to_string()]);
        let started: Said =
            fleet.run(&["call", "web1", "command.run", &words, options, "--nowait", "--json"]);
        let job = started.json()["job"].as_str().expect("a job").to_owned();
        // Opened as soon as the program has opened it.
        let pids = [own, other].map(|pipe| fs::read_to_string(pipe).expect("read"));
        assert!(pids.iter().all(|pid| is_alive(pid)), "{pids:?}");
        let cancelled = said(fleet.overlord_command().args(["job", "cancel", &job]));
        assert_eq!(cancelled.code, 0, "{cancelled:?}");
        fleet.await_job(&job, |job| job["results"]["web1"]["outcome"] == "cancelled");
        assert!(!pids.iter().any(|pid| is_alive(pid)), "{options}: {pids:?} live on");
    }
}
