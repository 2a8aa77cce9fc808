//! The journal, as `journalctl` tells of it.

use std::ops::ControlFlow;
use std::time::Duration;

use failure::{Error, Failure, Lines, pieces, read, tail, time};
use minion_sdk::job;
use minion_sdk::process::{Command, Piece, Status};
use serde::Deserialize;
use serde_json::Value;

use crate::exports::minion::logs::logs::{Entry, Priority};
use crate::files::MOST_OF_LINE;

/// What every call says. The policy that the module suggests has the same words.
const PROGRAM: [&str; 4] = [
    "journalctl",
    "--no-pager",
    "--output=json",
    "--output-fields=MESSAGE,PRIORITY,SYSLOG_IDENTIFIER,_COMM,_PID,_SYSTEMD_UNIT,UNIT",
];
/// The most of one line of it: bytes are written as numbers.
const MOST_OF_ENTRY: usize = 1 << 20;
/// How many entries there are between two looks at whether the job goes on.
const STEP: u64 = 1000;

/// Which entries are asked for.
pub(crate) struct Query {
    unit: Option<String>,
    priority: Option<Priority>,
}

/// How reading the journal ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// All was read, or as much as was wanted.
    Done,
    /// The time was up.
    TimedOut,
}

impl Query {
    /// What an operator has written.
    ///
    /// # Errors
    /// Where the unit is none.
    pub(crate) fn of(unit: Option<String>, priority: Option<Priority>) -> Result<Self, Error> {
        Ok(Self { unit: unit.as_deref().map(unit_name).transpose()?, priority })
    }

    /// The arguments for entries of a span of time, the latest first.
    pub(crate) fn backwards(&self, since: Option<i64>, until: Option<i64>) -> Vec<String> {
        // What has no end ends in the year 2200, so that the arguments are the same ones every time.
        let (since, until) = (since.unwrap_or(0).max(0), until.unwrap_or(7_258_118_400).max(0));
        self.argv(["--reverse".to_owned(), format!("--since=@{since}"), format!("--until=@{until}")])
    }

    /// The arguments for entries as they come, behind the last ones that are there.
    pub(crate) fn following(&self, lines: usize) -> Vec<String> {
        self.argv(["--follow".to_owned(), format!("--lines={lines}")])
    }

    fn argv(&self, which: impl IntoIterator<Item = String>) -> Vec<String> {
        let unit = self.unit.iter().map(|unit| format!("--unit={unit}"));
        let priority = self.priority.iter().map(|priority| format!("--priority={}", *priority as u8));
        PROGRAM.iter().map(|word| (*word).to_owned()).chain(which).chain(unit).chain(priority).collect()
    }
}

/// That there is a journal, and the minion's user may read it.
///
/// # Errors
/// Where there is none.
pub(crate) fn check() -> Result<(), Error> {
    match read(&["journalctl", "--no-pager", "--lines=0"]) {
        Ok(output) => of_words(&output.stderr_text()),
        Err(Error::Unsupported(_)) => {
            Err(Error::Unsupported("this host has no journal: it has no systemd".to_owned()))
        }
        Err(Error::Failed(failure)) => of_words(&failure.stderr).and(Err(Error::Failed(failure))),
        Err(error) => Err(error),
    }
}

/// What `journalctl` means by its words.
fn of_words(words: &str) -> Result<(), Error> {
    if words.contains("No journal files were found") {
        return Err(Error::Unsupported(
            "this host has no journal: nothing is in it, or it is kept nowhere".to_owned(),
        ));
    }
    if words.contains("insufficient permissions") {
        return Err(Error::Denied(
            "the minion's user may not read the journal: add it to `systemd-journal`".to_owned(),
        ));
    }
    Ok(())
}

/// Hands over entries of the journal, until `each` says that it is enough.
///
/// # Errors
/// Where it cannot be read, the job is cancelled, or `each` fails.
pub(crate) fn entries(
    argv: &[String],
    time: Option<Duration>,
    each: &mut dyn FnMut(Entry) -> Result<bool, Error>,
) -> Result<Ended, Error> {
    let (program, arguments) =
        argv.split_first().map_or(("", &[][..]), |(first, rest)| (first.as_str(), rest));
    let mut command = Command::new(program).args(arguments.iter().map(String::as_str)).env("LC_ALL", "C");
    if let Some(time) = time {
        command = command.timeout(time);
    }
    let child = command.start().map_err(failure::of_host)?;
    let (mut lines, mut stderr, mut goes_on, mut seen) = (Lines::of(MOST_OF_ENTRY), Vec::new(), true, 0);
    let status = pieces(&child, &mut |piece| {
        match piece {
            Piece::Stdout(bytes) => lines.split(&bytes, &mut |line| {
                seen += 1;
                if seen % STEP == 0 {
                    job::progress(seen, 0, "entries");
                }
                goes_on = goes_on && entry(line).map_or(Ok(true), &mut *each)?;
                Ok(())
            })?,
            Piece::Stderr(bytes) => stderr.extend(bytes.into_iter().take(MOST_OF_LINE - stderr.len())),
        }
        match (goes_on, job::cancelled()) {
            (true, true) => Err(Error::Cancelled),
            (true, false) => Ok(ControlFlow::Continue(())),
            (false, _) => Ok(ControlFlow::Break(())),
        }
    })?;
    status.map_or(Ok(Ended::Done), |status| over(argv, &status, &stderr))
}

fn over(argv: &[String], status: &Status, stderr: &[u8]) -> Result<Ended, Error> {
    let stderr = tail(&String::from_utf8_lossy(stderr));
    let exit = match status {
        Status::TimedOut => return Ok(Ended::TimedOut),
        // It says so where nothing was found, too.
        Status::Exited(0) => return Ok(Ended::Done),
        Status::Exited(1) if stderr.is_empty() => return Ok(Ended::Done),
        Status::Exited(code) => Some(*code),
        Status::Signalled(_) => None,
    };
    Err(Error::Failed(Failure { argv: argv.to_vec(), exit, stderr }))
}

/// A line of `--output=json`.
#[derive(Deserialize)]
struct Line {
    #[serde(rename = "__REALTIME_TIMESTAMP")]
    time: Value,
    #[serde(rename = "MESSAGE", default)]
    message: Value,
    #[serde(rename = "PRIORITY", default)]
    priority: Value,
    #[serde(rename = "SYSLOG_IDENTIFIER", default)]
    identifier: Value,
    #[serde(rename = "_COMM", default)]
    comm: Value,
    #[serde(rename = "_PID", default)]
    pid: Value,
    #[serde(rename = "_SYSTEMD_UNIT", default)]
    unit: Value,
    #[serde(rename = "UNIT", default)]
    about: Value,
}

/// Reads a line; none where it is no entry, as where it is too long.
fn entry(line: &[u8]) -> Option<Entry> {
    let line: Line = serde_json::from_slice(line).ok()?;
    let microseconds: i64 = text(&line.time)?.parse().ok()?;
    let mut message = text(&line.message).unwrap_or_default();
    if message.len() > MOST_OF_LINE {
        let end =
            message.char_indices().map(|(at, _)| at).take_while(|at| *at <= MOST_OF_LINE).last().unwrap_or(0);
        message.truncate(end);
    }
    Some(Entry {
        time: time(microseconds.div_euclid(1_000_000)),
        // systemd writes of a unit itself.
        unit: text(&line.about).or_else(|| text(&line.unit)),
        program: text(&line.identifier).or_else(|| text(&line.comm)),
        pid: text(&line.pid).and_then(|pid| pid.parse().ok()),
        priority: text(&line.priority).and_then(|number| priority(&number)),
        message,
    })
}

/// The text of a field: bytes that are no text are numbers, a field that is there several times is a list, and one that is too
/// long is nothing.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(items) if items.iter().all(Value::is_u64) => {
            let bytes: Vec<u8> = items.iter().filter_map(|item| u8::try_from(item.as_u64()?).ok()).collect();
            Some(String::from_utf8_lossy(&bytes).into_owned())
        }
        Value::Array(items) => items.last().and_then(text),
        _ => None,
    }
}

fn priority(number: &str) -> Option<Priority> {
    use Priority::{Alert, Crit, Debug, Emerg, Info, Notice, Warning};
    let all = [Emerg, Alert, Crit, Priority::Error, Warning, Notice, Info, Debug];
    number.parse().ok().and_then(|number: usize| all.get(number).copied())
}

/// The whole name of a unit.
fn unit_name(name: &str) -> Result<String, Error> {
    let is_fit = |c: char| c.is_ascii_alphanumeric() || matches!(c, ':' | '-' | '_' | '.' | '\\' | '@');
    if name.is_empty() || name.len() > 240 || !name.chars().all(is_fit) || name.starts_with(['-', '@', '.']) {
        return Err(Error::Invalid(
            "the name of the unit is none: write it like nginx, nginx.service or getty@tty1".to_owned(),
        ));
    }
    Ok(name.to_owned())
}

/// An entry as one line.
pub(crate) fn shown(entry: &Entry) -> String {
    let who = entry.program.as_deref().or(entry.unit.as_deref()).unwrap_or("-");
    let pid = entry.pid.map(|pid| format!("[{pid}]")).unwrap_or_default();
    format!("{} {who}{pid}: {}", entry.time.text, entry.message)
}

#[cfg(test)]
mod tests {
    use minion_sdk::process::Output;
    use minion_sdk::testing::Host;

    use super::*;

    /// Lines that a journal has written.
    const RECORDED: &str = concat!(
        r#"{"__CURSOR":"s=1;i=2","__REALTIME_TIMESTAMP":"1782901800123456","__MONOTONIC_TIMESTAMP":"42","_BOOT_ID":"b","PRIORITY":"6","SYSLOG_IDENTIFIER":"sshd","_COMM":"sshd","_PID":"812","_SYSTEMD_UNIT":"ssh.service","MESSAGE":"Accepted publickey for \"ann\"\nsecond line"}"#,
        "\n",
        r#"{"__REALTIME_TIMESTAMP":"1782901801000000","PRIORITY":"3","SYSLOG_IDENTIFIER":"systemd","_PID":"1","_SYSTEMD_UNIT":"init.scope","UNIT":"nginx.service","MESSAGE":"Failed to start nginx.service"}"#,
        "\n",
        r#"{"__REALTIME_TIMESTAMP":"1782901802000000","_COMM":"app","_PID":["7","8"],"MESSAGE":[104,105,255]}"#,
        "\n",
        r#"{"__REALTIME_TIMESTAMP":"1782901803000000","PRIORITY":"9","SYSLOG_IDENTIFIER":"kernel","MESSAGE":null}"#,
        "\nno entry\n",
    );

    fn recorded() -> Vec<Entry> {
        RECORDED.lines().filter_map(|line| entry(line.as_bytes())).collect()
    }

    #[test]
    fn recorded_lines_are_entries() {
        let found = recorded();
        assert_eq!(found.len(), 4);
        let first = &found[0];
        assert_eq!((first.time.text.as_str(), first.time.seconds), ("2026-07-01T10:30:00Z", 1_782_901_800));
        assert_eq!(
            (first.unit.as_deref(), first.program.as_deref(), first.pid),
            (Some("ssh.service"), Some("sshd"), Some(812))
        );
        assert_eq!(
            (first.priority, first.message.as_str()),
            (Some(Priority::Info), "Accepted publickey for \"ann\"\nsecond line")
        );
        assert_eq!(
            (found[1].unit.as_deref(), found[1].priority),
            (Some("nginx.service"), Some(Priority::Error))
        );
        assert_eq!(
            (found[2].program.as_deref(), found[2].pid, found[2].message.as_str()),
            (Some("app"), Some(8), "hi\u{fffd}")
        );
        assert_eq!(
            (found[3].unit.as_deref(), found[3].priority, found[3].message.as_str()),
            (None, None, "")
        );
        assert_eq!(shown(&found[1]), "2026-07-01T10:30:01Z systemd[1]: Failed to start nginx.service");
    }

    #[test]
    fn entries_are_read_until_it_is_enough() {
        let query = Query::of(Some("ssh".into()), Some(Priority::Warning)).expect("a query");
        let argv = query.backwards(Some(5), None);
        assert_eq!(
            argv[4..],
            ["--reverse", "--since=@5", "--until=@7258118400", "--unit=ssh", "--priority=4"]
        );
        let words: Vec<&str> = argv.iter().map(String::as_str).collect();
        let host = Host::new().program(&words, Output::printed(RECORDED, 0));
        let mut found = Vec::new();
        let ended = entries(&argv, None, &mut |entry| {
            found.push(entry);
            Ok(found.len() < 2)
        });
        assert_eq!((ended, found), (Ok(Ended::Done), recorded()[..2].to_vec()));
        drop(host);
        let _host = Host::new().program(&words, Output::printed("", 1));
        assert_eq!(entries(&argv, None, &mut |_| Ok(true)), Ok(Ended::Done));
    }

    #[test]
    fn a_host_without_a_journal_is_told_from_one_that_keeps_it_from_us() {
        let said = |words: &str| {
            let mut output = Output::printed("-- No entries --\n", 0);
            output.stderr = words.as_bytes().to_vec();
            let _host = Host::new().program(&["journalctl", "--no-pager", "--lines=0"], output);
            check()
        };
        assert!(matches!(said("No journal files were found.\n"), Err(Error::Unsupported(_))));
        assert!(matches!(
            said("No journal files were opened due to insufficient permissions.\n"),
            Err(Error::Denied(_))
        ));
        assert_eq!(said("Hint: You are currently not seeing messages from other users.\n"), Ok(()));
        assert!(matches!(Query::of(Some("; touch x".into()), None), Err(Error::Invalid(_))));
        for bad in ["", "-H", "--file=x", "a b", "a\nb", "a\0b", "../x", "*"] {
            assert!(unit_name(bad).is_err(), "{bad:?}");
        }
    }
}
