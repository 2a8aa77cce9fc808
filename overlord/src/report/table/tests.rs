//! What tables look like.

use output::Styled;
use wire::message::operator::{Absence, GivenUp, Later};
use wire::message::outcome::{Failure, FailureKind, Report};
use wire::value::Value;

use super::*;
use crate::report::outcomes::MAX_LINES;
use crate::report::sample;

fn plain(parts: Vec<Part>, width: Option<u16>) -> String {
    let reader = width.map_or(Reader::Pipe, |width| Reader::Terminal(Some(width)));
    super::table(&sample::document(parts), reader).to_string()
}

fn text(text: &str) -> Outcome {
    Outcome::Ok(Some(Value::String(text.into())))
}

#[test]
fn values_stand_in_line_and_errors_last() {
    let parts = vec![
        sample::ended("web1", Outcome::Ok(Some(Value::Signed(5))), 1900),
        sample::ended("database1", Outcome::failed(FailureKind::Trapped, "panicked: no"), 14_000),
        sample::undone("web2", Outcome::failed(FailureKind::UnknownMethod, "has no such method")),
    ];
    let expected = "\
MINION     OUTCOME   VALUE    TIME  ERROR
web1       ok        5      1.9 ms
database1  trapped           14 ms  panicked: no
web2       rejected              -  unknown-method: has no such method";
    assert_eq!(plain(parts, None), expected);
}

#[test]
fn there_is_no_error_column_without_errors() {
    let parts = vec![sample::ended("web1", Outcome::Ok(None), 1900), sample::running("web2")];
    let expected = "\
MINION  OUTCOME  VALUE           TIME
web1    ok       -             1.9 ms
web2    running  3/10 copying       -";
    assert_eq!(plain(parts, None), expected);
}

#[test]
fn a_table_fits_its_terminal() {
    let long = "word ".repeat(100);
    let trap = Outcome::failed(FailureKind::Trapped, long.clone());
    let parts = vec![
        sample::ended("web1", text(&long), 1900),
        sample::ended("web2", text(&"x".repeat(300)), 1900),
        sample::ended("web3", trap, 1900),
    ];
    let table = plain(parts, Some(80));
    assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");
    let rows: Vec<&str> = table.lines().filter(|line| line.starts_with("web")).collect();
    assert_eq!(rows.len(), 3);
    assert!(rows[..2].iter().all(|row| row.contains('…')), "{table}");
    // The error is there to its end.
    assert_eq!(table.matches("word").count() - rows[0].matches("word").count(), 100);
}

#[test]
fn without_a_terminal_nothing_is_cut() {
    let long = "word ".repeat(100);
    let table = plain(vec![sample::ended("web1", text(long.trim()), 1900)], None);
    assert_eq!(table.lines().count(), 2);
    assert!(table.contains(long.trim()));
}

#[test]
fn a_value_of_several_lines_keeps_them_in_its_column() {
    let two = |value: &str| {
        vec![sample::ended("web1", text(value), 1900), sample::ended("web2", text("short"), 1900)]
    };
    let expected = "\
MINION  OUTCOME  VALUE    TIME
web1    ok       one    1.9 ms
                 two
web2    ok       short  1.9 ms";
    assert_eq!(plain(two("one\ntwo\n"), Some(80)), expected);
    assert_eq!(plain(two("one\ntwo\n"), None), expected);
    let many = plain(two(&"line\n".repeat(100)), Some(80));
    assert_eq!(many.lines().count(), 2 + MAX_LINES);
}

#[test]
fn the_value_of_one_minion_is_whole() {
    let one = |value: Value, width| plain(vec![sample::ended("web1", Outcome::Ok(Some(value)), 1900)], width);
    let long = "word ".repeat(2000) + "end";
    for width in [Some(80), Some(40), None] {
        assert!(one(Value::String(long.clone()), width).contains(&long), "{width:?}");
    }
    let expected = "\
MINION  OUTCOME    TIME
web1    ok       1.9 ms

   one
   two";
    assert_eq!(one(Value::String("one\ntwo".into()), Some(80)), expected);
    let words = (0..50).map(|number| Value::String(format!("word{number}"))).collect();
    let table = one(Value::List(words), Some(80));
    assert!((0..50).all(|number| table.contains(&format!("\n   word{number}"))), "{table}");
}

#[test]
fn records_of_one_minion_are_columns() {
    let disk = |path: &str, free: u64| {
        Value::Record(vec![
            ("path".into(), Value::String(path.into())),
            ("free".into(), Value::Unsigned(free)),
        ])
    };
    let one = |value: Value, width| plain(vec![sample::ended("web1", Outcome::Ok(Some(value)), 1900)], width);
    let expected = "\
MINION  OUTCOME    TIME
web1    ok       1.9 ms

PATH   FREE
/         5
/home   123";
    let disks = || Value::List(vec![disk("/", 5), disk("/home", 123)]);
    assert_eq!(one(disks(), None), expected);
    assert!(one(disks(), Some(80)).ends_with("\n\n   PATH   FREE\n   /         5\n   /home   123"));
    assert!(one(disk("/", 5), Some(80)).ends_with("\n   PATH  FREE\n   /        5"));
    let wide = one(disk(&"x".repeat(90), 5), Some(80));
    assert!(wide.contains("\n   FIELD  VALUE\n   path   xxx") && wide.ends_with("\n   free   5"), "{wide}");
    assert!(wide.lines().all(|line| line.chars().count() <= 80), "{wide}");
    assert!(one(Value::List(Vec::new()), Some(80)).contains("ok       none"));
}

#[test]
fn many_minions_that_say_the_same_are_one_row_and_the_others_follow() {
    let mut parts: Vec<Part> =
        (1..=50).map(|number| sample::ended(&format!("web{number}"), text("7.1"), 1000 * number)).collect();
    parts.insert(3, sample::ended("db2", text("6.9"), 1900));
    parts.push(sample::ended("db10", text("6.9"), 1900));
    let expected = "\
MINION      OUTCOME  VALUE     TIME
50 minions  ok       7.1    ≤ 50 ms
web[1-50]
db2         ok       6.9     1.9 ms
db10        ok       6.9     1.9 ms";
    assert_eq!(plain(parts.clone(), Some(80)), expected);
    assert_eq!(plain(parts, None), expected);
}

#[test]
fn a_panic_on_fifty_minions_is_there_once() {
    let failure = Failure {
        kind: FailureKind::Trapped,
        message: "panicked: boom".into(),
        value: None,
        stderr: Some("thread panicked at src/lib.rs:7:5:\nboom\n".into()),
        backtrace: None,
    };
    let parts =
        (1..=50).map(|number| sample::ended(&format!("web{number}"), Outcome::Failed(failure.clone()), 900));
    let table = plain(parts.collect(), Some(80));
    assert_eq!(table.matches("panicked: boom").count(), 1, "{table}");
    assert!(
        table.contains("50 minions") && table.contains("web[1-50]") && table.lines().count() <= 4,
        "{table}"
    );
}

#[test]
fn a_pipe_is_given_the_bytes_and_a_terminal_what_cannot_harm_it() {
    let hostile = "a\tb\u{1b}[31mc\rd";
    let one = |width| plain(vec![sample::ended("web1", text(hostile), 1900)], width);
    assert!(one(None).contains(hostile));
    assert!(one(Some(80)).contains("a    b [31mc d"));
    let two = vec![sample::ended("web1", text(hostile), 1900), sample::ended("web2", text("x"), 1900)];
    assert!(plain(two.clone(), None).contains(hostile));
    assert!(!plain(two, Some(80)).contains('\u{1b}'));
    let lines = text("one\r\ntwo\r\n");
    assert!(plain(vec![sample::ended("web1", lines, 1900)], None).ends_with("one\r\ntwo\r\n"));
}

#[test]
fn the_last_words_of_a_guest_stand_below_its_error() {
    let failure = Failure {
        kind: FailureKind::Trapped,
        message: "panicked: boom".into(),
        value: None,
        stderr: Some("starting\nthread panicked at src/lib.rs:7:5:\nboom\n".into()),
        backtrace: None,
    };
    let table = plain(vec![sample::ended("web1", Outcome::Failed(failure), 1900)], None);
    let expected = "\
MINION  OUTCOME    TIME  ERROR
web1    trapped  1.9 ms  panicked: boom
                         | starting
                         | thread panicked at src/lib.rs:7:5:";
    assert_eq!(table, expected);
}

#[test]
fn a_dry_run_lists_what_it_would_do() {
    let mut part = sample::ended("web1", Outcome::Ok(None), 1900);
    part.report.as_mut().expect("a report").would.push("run systemctl restart nginx".into());
    assert!(plain(vec![part], None).contains("\n                 would: run systemctl restart nginx"));
}

#[test]
fn a_minion_out_of_touch_is_shown_as_that_with_what_is_known_of_it() {
    let away = |part: Part, overdue: bool| {
        let absence = Absence { lost_at: 1_700_000_000_000, for_ms: 23_000, kept_ms: None, overdue };
        Part { absence: Some(absence), ..part }
    };
    let parts = vec![
        away(sample::running("web1"), false),
        away(sample::running("web2"), true),
        away(sample::silent("web3"), false),
        sample::running("web4"),
    ];
    let line = closing(&sample::document(parts.clone()));
    assert!(line.starts_with("4 minions: 1 not done, 3 out of touch · "), "{line}");
    let table = plain(parts, None);
    let rows: Vec<&str> = table.lines().collect();
    assert!(
        rows[1].starts_with("web1    out of touch") && rows[1].contains("(23.0 s): it ran there"),
        "{table}"
    );
    assert!(rows[2].contains("its timeout has passed since"), "{table}");
    assert!(rows[3].ends_with("it was sent, and nothing was heard of it"), "{table}");
    assert!(rows[4].starts_with("web4    running"), "{table}");
}

#[test]
fn what_was_given_up_says_by_whom_and_what_came_of_it_later() {
    let lost = Outcome::failed(FailureKind::Lost, "given up by ann: nobody knows");
    let report = Report::without_run(Outcome::Ok(Some(Value::Signed(5))), 0);
    let given_up = |later| GivenUp { operator: "ann".parse().expect("a name"), at: 0, later };
    for (later, said) in
        [(None, "its minion has said nothing since"), (Some(Later { at: 0, report }), ": ok: 5")]
    {
        let part = Part { given_up: Some(given_up(later)), ..sample::undone("web1", lost.clone()) };
        let table = plain(vec![part], None);
        assert!(table.contains("given up by ann") && table.trim_end().ends_with(said), "{table}");
    }
}

#[test]
fn the_closing_line_sums_up() {
    let trap = Outcome::failed(FailureKind::Trapped, "no");
    let mut parts = vec![
        sample::ended("web1", Outcome::Ok(None), 1),
        sample::ended("web2", Outcome::Ok(None), 1),
        sample::ended("web3", trap, 1),
    ];
    let line = closing(&sample::document(parts.clone()));
    assert_eq!(line, format!("3 minions: 2 ok, 1 trapped · job {} · 14 ms", sample::JOB));
    parts.truncate(1);
    parts.push(sample::running("web2"));
    let line = closing(&sample::document(parts));
    assert_eq!(line, format!("2 minions: 1 ok, 1 not done · job {} · partial", sample::JOB));
}

#[test]
fn rows_that_come_one_by_one_are_aligned_all_the_same() {
    let alone = |part: &Part, width: Option<u16>| {
        row(part, 9, width.map_or(Reader::Pipe, |width| Reader::Terminal(Some(width)))).to_string()
    };
    let ok = sample::ended("web1", Outcome::Ok(Some(Value::Signed(5))), 1900);
    let trap = Outcome::failed(FailureKind::Trapped, "panicked: no");
    let undone = sample::undone("web2", Outcome::failed(FailureKind::Undelivered, "it is not there"));
    assert_eq!(alone(&ok, None), "web1       ok             1.9 ms  5");
    let trapped = sample::ended("database1", trap, 14_000);
    assert_eq!(alone(&trapped, None), "database1  trapped         14 ms  panicked: no");
    assert_eq!(alone(&undone, None), "web2       undelivered         -  it is not there");
    let long = sample::ended("web1", text(&"word ".repeat(30)), 1900);
    assert!(alone(&long, Some(60)).lines().all(|line| line.chars().count() <= 60));
}

#[test]
fn outcomes_have_colours() {
    let document = sample::document(vec![sample::ended("web1", Outcome::Ok(None), 1)]);
    let Shown::Screen(table) = super::table(&document, Reader::Terminal(None)) else {
        panic!("not for a terminal")
    };
    assert_ne!(table, Styled::text(&table), "the same without its styles");
}

fn listeners(ports: &[u64]) -> Outcome {
    let one = |port: &u64| {
        let owner = Value::String("a name that takes room ".repeat(3).trim_end().to_owned());
        Value::Record(vec![("port".into(), Value::Unsigned(*port)), ("owner".into(), owner)])
    };
    Outcome::Ok(Some(Value::List(ports.iter().map(one).collect())))
}

#[test]
fn the_records_of_several_minions_are_one_table_on_a_terminal() {
    let parts = vec![
        sample::ended("web1", listeners(&[80, 443]), 1900),
        sample::ended("web2", listeners(&[]), 1900),
        sample::ended("db1", listeners(&[5432]), 1900),
        sample::ended("db2", Outcome::failed(FailureKind::Trapped, "no"), 1900),
    ];
    let table = plain(parts.clone(), Some(100));
    let expected = [("web1", "80"), ("web1", "443"), ("db1", "5432")];
    let rows: Vec<&str> = table.lines().filter(|line| line.contains("takes room")).collect();
    assert_eq!(rows.len(), expected.len(), "{table}");
    for (row, (minion, port)) in rows.iter().zip(expected) {
        assert_eq!(row.split_whitespace().take(2).collect::<Vec<_>>(), [minion, port], "{table}");
    }
    assert!(table.contains("trapped") && table.lines().any(|line| line.starts_with("web2    ok")), "{table}");
    assert!(!table.contains('…'), "{table}");
    assert!(plain(parts, None).contains(r#"[{"port":80,"#));
}

#[test]
fn records_that_several_minions_gave_stand_once() {
    let parts = (1..=3).map(|number| sample::ended(&format!("web{number}"), listeners(&[80, 443]), 1900));
    let table = plain(parts.collect(), Some(100));
    assert_eq!(table.matches("web[1-3]").count(), 2, "{table}");
    assert_eq!(table.matches("443").count(), 1, "{table}");
}

#[test]
fn a_record_is_read_with_units_and_its_lists_below_it() {
    let file = |path: &str, size| {
        Value::Record(vec![
            ("path".into(), Value::String(path.into())),
            ("size".into(), Value::Unsigned(size)),
        ])
    };
    let room = |total| {
        let files = vec![file("/var/log/syslog", total - 1024), file("/var/log/auth.log", 1024)];
        Outcome::Ok(Some(Value::Record(vec![
            ("total-bytes".into(), Value::Unsigned(total)),
            ("age-s".into(), Value::Unsigned(273_600)),
            ("files".into(), Value::List(files)),
        ])))
    };
    let one = vec![sample::ended("web1", room(20_480), 1900)];
    let expected = "\
MINION  OUTCOME    TIME
web1    ok       1.9 ms

    TOTAL    AGE
   20 KiB  3d 4h

   files:
   PATH                 SIZE
   /var/log/syslog    19 KiB
   /var/log/auth.log   1 KiB";
    assert_eq!(plain(one.clone(), Some(80)), expected);
    assert!(plain(one, None).contains("20480"), "a program is given the numbers");
    let three =
        ["web1", "web2", "db1"].map(|minion| sample::ended(minion, room(20_480 + minion.len() as u64), 1900));
    let table = plain(three.to_vec(), Some(80));
    let expected = "
   MINION     TOTAL    AGE
   web[1-2]  21 KiB  3d 4h
   db1       21 KiB  3d 4h

   files:
   MINION    PATH                 SIZE
   web[1-2]  /var/log/syslog    20 KiB
   web[1-2]  /var/log/auth.log   1 KiB
   db1       /var/log/syslog    20 KiB
   db1       /var/log/auth.log   1 KiB";
    assert!(table.ends_with(expected), "{table}");
}

#[test]
fn where_a_row_has_no_room_its_last_fields_are_left_out_and_named() {
    let process = |pid| {
        let fields =
            (0..9).map(|number| (format!("field-{number}"), Value::String(format!("value-{number}"))));
        Value::Record([("pid".to_owned(), Value::Unsigned(pid))].into_iter().chain(fields).collect())
    };
    let processes = Outcome::Ok(Some(Value::List(vec![process(1), process(2)])));
    let table = plain(vec![sample::ended("web1", processes, 1900)], Some(80));
    assert!(table.contains("value-5") && !table.contains("value-8"), "{table}");
    assert!(table.contains("(no room for") && table.contains("FIELD-8: see --full)"), "{table}");
}

#[test]
fn a_record_of_many_fields_in_another_has_columns_of_its_own() {
    let names = ["pid", "user", "memory", "state"];
    let process =
        names.iter().zip(1_u64..).map(|(name, number)| ((*name).to_owned(), Value::Unsigned(number)));
    let branch = Value::Record(vec![
        ("depth".into(), Value::Unsigned(7)),
        ("process".into(), Value::Record(process.collect())),
    ]);
    let tree = vec![sample::ended("web1", Outcome::Ok(Some(Value::List(vec![branch]))), 1900)];
    assert!(plain(tree.clone(), Some(80)).contains("\n   DEPTH  PID  USER  MEMORY  STATE\n"));
    assert!(plain(tree, None).contains("DEPTH  PROCESS\n"), "and a program is given what was said");
}

#[test]
fn short_fields_are_whole_and_those_that_have_no_room_are_named() {
    let package = |installed: &str| {
        let texts = [
            ("name", "openssl"),
            ("installed", installed),
            ("candidate", "3.0.20-1~deb12u1"),
            ("kind", "amd64"),
        ];
        let texts = texts.map(|(name, text)| (name.to_owned(), Value::String(text.into())));
        let homepage = ("homepage".to_owned(), Value::String("https://www.openssl.org/".into()));
        let backup = ("backup".to_owned(), Value::Option(None));
        Outcome::Ok(Some(Value::Record(texts.into_iter().chain([backup, homepage]).collect())))
    };
    let parts = vec![
        sample::ended("web1", package("3.0.19-1~deb12u2"), 1900),
        sample::ended("web2", package("3.0.20-1~deb12u1"), 1900),
    ];
    let expected = "
   MINION  NAME     INSTALLED         CANDIDATE         KIND   BACKUP
   web1    openssl  3.0.19-1~deb12u2  3.0.20-1~deb12u1  amd64  -
   web2    openssl  3.0.20-1~deb12u1  3.0.20-1~deb12u1  amd64  -
   (no room for HOMEPAGE: see --full)";
    let table = plain(parts, Some(80));
    assert!(table.ends_with(expected), "{table}");
}
