//! `logs`.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, UNIX_EPOCH};

use serde_json::{Value, json};

use super::{Bench, can_unshare};

/// A folder of logs of the test's own.
fn with_logs() -> Bench {
    let bench = Bench::new();
    let folder = bench.path("/var/log");
    fs::create_dir(folder.join("app")).expect("made");
    let write = |name: &str, text: &str| fs::write(folder.join(name), text).expect("written");
    write("app/app.log.2", "2026-06-30T08:00:00Z web1 app[1]: began 1\n");
    assert!(bench.within("gzip").arg("/var/log/app/app.log.2").status().expect("runs").success());
    write("app/app.log.1", "2026-06-30T12:00:00Z web1 app[1]: error 17\n  more of it\n");
    write(
        "app/app.log",
        "2026-07-01T08:00:00Z web1 app[1]: began 2\n2026-07-01T09:00:00Z web1 db[2]: error 4711\n\
         2026-07-01T10:00:00Z web1 db[2]: error 4712\n2026-07-01T10:00:01Z web1 app[1]: Über $(x)\n",
    );
    for (hours, name) in [(8, "app/app.log.2.gz"), (12, "app/app.log.1"), (35, "app/app.log")] {
        let file = File::options().append(true).open(folder.join(name)).expect("opened");
        // Since the 30th of June of 2026.
        let written = Duration::from_secs(1_782_777_600 + hours * 3600);
        file.set_modified(UNIX_EPOCH + written).expect("set");
    }
    bench
}

fn lines(found: &Value) -> Vec<&str> {
    let lines = found["lines"].as_array().expect("a list");
    lines.iter().map(|line| line.as_str().expect("text")).collect()
}

#[test]
fn lines_of_files_are_those_that_the_systems_tools_find() {
    if !can_unshare() {
        return;
    }
    let bench = with_logs();
    let search = |wanted: &str| bench.value("read", "logs.search", &["app/app.log", wanted]);
    let found = search(r#"{pattern: "error [0-9]+$"}"#);
    let expected = bench.printed("grep", &["-E", "error [0-9]+$", "/var/log/app/app.log"]);
    assert_eq!((lines(&found).join("\n") + "\n", &found["matched"]), (expected, &json!(2)));
    let found = search(r#"{pattern: "$(x)", fixed: true}"#);
    assert!(lines(&found)[0].ends_with("Über $(x)"), "{found}");
    assert_eq!(lines(&search(r#"{pattern: "ERROR 4712", ignore-case: true}"#)).len(), 1);
    let all = search("{rotated: true}");
    let expected = bench.printed(
        "zcat",
        &["-f", "/var/log/app/app.log.2.gz", "/var/log/app/app.log.1", "/var/log/app/app.log"],
    );
    assert_eq!(lines(&all).join("\n") + "\n", expected);
    let some = search(r#"{since: "2026-06-30T12:00:00Z", until: "2026-07-01T08:30:00Z", rotated: true}"#);
    assert!(lines(&some)[1].ends_with("more of it") && lines(&some)[2].ends_with("began 2"), "{some}");
    assert_eq!(some["matched"], 3);
    let last = search("{lines: 1}");
    assert_eq!((lines(&last).len(), &last["matched"]), (1, &json!(4)));
    let tail = bench.value("read", "logs.tail", &["/var/log/app/app.log", "2"]);
    let tail = json!({ "lines": tail });
    assert_eq!(lines(&tail).join("\n") + "\n", bench.printed("tail", &["-n", "2", "/var/log/app/app.log"]));

    for (file, kind) in [
        ("no-such-log", "not-found"),
        ("/etc/passwd", "not-found"),
        ("../../etc/passwd", "invalid"),
        ("app", "invalid"),
        ("; id", "not-found"),
    ] {
        assert!(bench.error("read", "logs.search", &[file])[kind].is_string(), "{file}");
    }
    let error = bench.error("read", "logs.search", &["app/app.log", r#"{pattern: "("}"#]);
    assert!(error["invalid"].is_string(), "{error}");
}

#[test]
fn what_fills_the_logs_is_told() {
    if !can_unshare() {
        return;
    }
    let bench = with_logs();
    fs::write(bench.path("/var/log/app/large.log"), vec![b'x'; 50_000_000]).expect("written");
    let room = bench.value("read", "logs.biggest", &["2"]);
    assert_eq!(room["files"][0]["path"], "/var/log/app/large.log");
    let sizes = bench.printed("find", &["/var/log", "-type", "f", "-printf", "%s\n"]);
    let sizes: Vec<u64> = sizes.lines().map(|size| size.parse().expect("a number")).collect();
    assert_eq!(
        (&room["total-bytes"], &room["count"]),
        (&json!(sizes.iter().sum::<u64>()), &json!(sizes.len()))
    );
    assert_eq!(room["files"].as_array().map(Vec::len), Some(2));
    let files = bench.value("read", "logs.list", &[]);
    let large =
        files.as_array().expect("a list").iter().find(|file| file["path"] == "/var/log/app/large.log");
    assert_eq!(large.expect("there")["size"], 50_000_000);

    let written = bench.value("read", "logs.writers", &["app/app.log", "2026-07-01T09:00:00Z", "1"]);
    let lines = written["lines"].as_u64().expect("a number");
    assert_eq!(
        (lines, &written["writers"][0]["what"], &written["writers"][0]["lines"]),
        (3, &json!("db"), &json!(2))
    );
    assert_eq!(
        (&written["messages"][0]["what"], &written["messages"][0]["lines"]),
        (&json!("error #"), &json!(2))
    );
}

#[test]
fn a_file_is_followed_while_it_is_written_and_rotated() {
    if !can_unshare() {
        return;
    }
    let bench = with_logs();
    let log = bench.path("/var/log/app/app.log");
    let mut command = bench.calling("read", "logs.follow", &["--timeout", "5m"]);
    command.args(["--", "app/app.log", r#"{lines: 1, pattern: "é|ber|error"}"#]);
    let mut followed = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("started");
    let mut shown =
        BufReader::new(followed.stderr.take().expect("piped")).lines().map(|line| line.expect("text"));
    let mut awaits =
        |part: &str| shown.find(|line| line.contains(part)).unwrap_or_else(|| panic!("never {part}"));
    let append = |path: &Path, text: &str| {
        let file = File::options().append(true).create(true).open(path);
        file.expect("opened").write_all(text.as_bytes()).expect("written");
    };
    awaits("Über $(x)");
    append(&log, "error 1\nother\nerr");
    awaits("error 1");
    append(&log, "or 2\n");
    awaits("error 2");
    fs::rename(&log, log.with_extension("log.3")).expect("moved");
    append(&log, "error 3 in another file\n");
    awaits("error 3");
    fs::write(&log, "error 4\n").expect("cut off");
    awaits("error 4");
    rig::interrupt(&followed);
    assert!(!followed.wait().expect("ends").success());

    let ended = bench.value("read", "logs.follow", &["app/app.log", "{seconds: 1, lines: 9}"]);
    assert_eq!(ended, json!({ "lines": 1, "ended": "time" }));
    let said =
        super::said(bench.calling("read", "logs.follow", &["--timeout", "3s"]).args(["--", "app/app.log"]));
    assert_eq!(said.json()["value"], json!({ "lines": 1, "ended": "job-time" }), "{said:?}");
    for bad in [r#"{seconds: 4000000}"#, r#"{unit: "ssh"}"#, r#"{priority: error}"#] {
        assert!(bench.error("read", "logs.follow", &["app/app.log", bad])["invalid"].is_string(), "{bad}");
    }
}

#[test]
fn a_host_without_a_journal_says_so() {
    if !can_unshare() || Path::new("/run/systemd/system").exists() {
        return;
    }
    let bench = Bench::new();
    let wanted = r#"{unit: "ssh", since: "1h", priority: error, pattern: "x"}"#;
    let following = r#"{unit: "ssh", priority: error, seconds: 60}"#;
    for (method, arguments) in
        [("journal", &[][..]), ("journal", &[wanted]), ("writers", &[]), ("follow-journal", &[following])]
    {
        let error = bench.error("read", &format!("logs.{method}"), arguments);
        assert!(
            error["unsupported"].as_str().is_some_and(|why| why.contains("journal")),
            "{method}: {error}"
        );
    }
    for unit in ["; touch x", "--file=x", "../x"] {
        let error = bench.error("read", "logs.journal", &[&format!("{{unit: {unit:?}}}")]);
        assert!(error["invalid"].is_string(), "{unit}: {error}");
    }
}
