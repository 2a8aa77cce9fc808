//! What both programs have to do with their audit logs: flags, tables, and the check.

use std::io;
use std::path::Path;

use clap::{Args, ValueEnum};
use machine::moment;
use output::{Cell, Color, Column, Exit, Fails, Printed, Styled, Table};
use serde_json::{Map, Value, json};
use wire::digest::Digest;
use wire::message::audit::{AuditQuery, Decision, MAX_ENTRIES};

use crate::error::AuditError;
use crate::query::{BadGlob, time};
use crate::verify::Verified;

impl Fails for AuditError {}

impl Fails for BadGlob {
    fn exit(&self) -> Exit {
        Exit::Usage
    }
}

/// Which entries are shown.
#[derive(Debug, Args)]
pub struct Filter {
    /// Only entries from this time on: how long ago (2h, 7days), or a local date or time (2026-01-31 18:00)
    #[arg(long, value_name = "TIME", value_parser = moment::past)]
    since: Option<u64>,
    /// Only what these operators did or tried, as a glob
    #[arg(long, value_name = "GLOB")]
    operator: Option<String>,
    /// Only what concerns these methods, as a glob: service.*
    #[arg(long, value_name = "GLOB")]
    method: Option<String>,
    /// Only what concerns these minions, as a glob
    #[arg(long, value_name = "GLOB")]
    minion: Option<String>,
    /// Only what was decided so
    #[arg(long, value_name = "DECISION")]
    decision: Option<Decided>,
    /// The most entries: the newest of those that fit
    #[arg(long, value_name = "NUMBER", default_value = "100", value_parser = limit)]
    limit: usize,
}

/// A [`Decision`] on the command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Decided {
    Allowed,
    Denied,
}

impl Filter {
    /// What the flags say.
    pub fn query(&self) -> AuditQuery {
        AuditQuery {
            since: self.since,
            operator: self.operator.clone(),
            method: self.method.clone(),
            minion: self.minion.clone(),
            decision: self.decision.map(|decided| match decided {
                Decided::Allowed => Decision::Allowed,
                Decided::Denied => Decision::Denied,
            }),
            limit: self.limit,
        }
    }
}

fn limit(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(limit @ 1..=MAX_ENTRIES) => Ok(limit),
        _ => Err(format!("must be a number from 1 to {MAX_ENTRIES}; narrow it down by --since")),
    }
}

/// Check that no entry was altered, left out or moved
///
/// It finds the first entry that does not follow from the one before. Entries that were cut off the end are found by
/// a head that was noted before, where nobody who can write the log can write: this command prints it, and takes it
/// back as --head.
#[derive(Debug, Args)]
pub struct Verify {
    /// A head that the log had at an earlier time
    #[arg(long, value_name = "DIGEST")]
    head: Option<Digest>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

impl Verify {
    /// Checks the log at this path, and returns what is to be printed.
    ///
    /// # Errors
    /// [`AuditError`], which says what is wrong with the log, and where.
    pub fn run(&self, path: &Path) -> Result<Verdict, AuditError> {
        let verified = match &self.head {
            Some(head) => Verified::check_with(path, head)?,
            None => Verified::check(path)?,
        };
        let Verified { entries, head, gone } = verified;
        if self.json {
            let document =
                json!({ "entry_count": entries, "head": head.to_string(), "gone_file_count": gone });
            return Ok(Verdict::Document(document));
        }
        let gone = match gone {
            0 => String::new(),
            1 => ", behind one file that is gone".to_owned(),
            gone => format!(", behind {gone} files that are gone"),
        };
        Ok(Verdict::Text(format!("{entries} entries, all in order{gone}\nhead: {head}")))
    }
}

/// What a check found, as it is printed.
#[derive(Debug)]
pub enum Verdict {
    /// For people.
    Text(String),
    /// For programs.
    Document(Value),
}

impl Printed for Verdict {
    fn printed(&self) -> io::Result<Styled> {
        match self {
            Verdict::Text(text) => text.printed(),
            Verdict::Document(document) => document.printed(),
        }
    }
}

/// Entries as a table, one a row.
pub fn table(entries: &[String]) -> Table {
    let columns = [
        Column::whole("TIME"),
        Column::whole("EVENT"),
        Column::whole("OPERATOR"),
        Column::whole("DECISION"),
        Column::wrapped("ABOUT", 20, 160),
    ];
    Table::new(columns).with(entries.iter().filter_map(|entry| parsed(entry)).map(|entry| row(&entry)))
}

/// Entries as one document: `{"entries":[…]}`, each as it stands in the log.
pub fn document(entries: &[String]) -> Value {
    let entries: Vec<Value> = entries.iter().filter_map(|entry| parsed(entry)).map(Value::Object).collect();
    json!({ "entries": entries })
}

fn parsed(entry: &str) -> Option<Map<String, Value>> {
    serde_json::from_str(entry).ok()
}

fn row(entry: &Map<String, Value>) -> Vec<Cell> {
    let member = |name: &str| entry.get(name).map(word).unwrap_or_default();
    let time = time(entry).map(|at| moment::past(at).map_or_else(|_| at.to_owned(), moment::local));
    let decision = Cell::new(member("decision"));
    let denied = entry.get("decision").is_some_and(|decision| decision == Decision::Denied.as_str());
    vec![
        Cell::new(time.unwrap_or_default()),
        Cell::new(member("event")),
        Cell::new(member("operator")),
        if denied { decision.fg(Color::Red) } else { decision },
        Cell::new(about(entry)),
    ]
}

/// All else that an entry says, what it concerns first.
fn about(entry: &Map<String, Value>) -> String {
    let first = FIRST.iter().filter_map(|name| entry.get_key_value(*name));
    let others =
        entry.iter().filter(|(name, _)| !FIRST.contains(&name.as_str()) && !APART.contains(&name.as_str()));
    let is_said = |(_, value): &(&String, &Value)| {
        ![Value::Null, Value::Bool(false), json!(""), json!([]), json!({})].contains(value)
    };
    let said = first.chain(others).filter(is_said).map(|(name, value)| format!("{name}={}", word(value)));
    said.collect::<Vec<_>>().join("  ")
}

/// A value on one line: a text without its quotes.
fn word(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(values) if values.iter().all(Value::is_string) => {
            values.iter().map(word).collect::<Vec<_>>().join(",")
        }
        other => other.to_string(),
    }
}

/// What is said first of an entry.
const FIRST: [&str; 6] = ["method", "module", "target", "minion", "minions", "job"];
/// What has a column of its own, or is for the check alone.
const APART: [&str; 6] = ["time", "at", "event", "operator", "decision", "chain"];

#[cfg(test)]
mod tests {
    use output::Reader;
    use output::check::{self, Sample};

    use super::*;

    #[test]
    fn an_entry_is_a_row_with_all_that_it_says() {
        let entry = r#"{"time":"2026-01-02T03:04:05.678Z","event":"call","operator":"ann","arguments":{"name":"nginx"},
            "method":"service.restart","minions":["web1","db1"],"job":null,"decision":"denied","chain":"00"}"#;
        let shown = table(&[entry.to_owned(), "spoiled".to_owned()]).shown(Reader::Pipe).to_string();
        let row = "method=service.restart  minions=web1,db1  arguments={\"name\":\"nginx\"}";
        assert!(shown.contains(row) && shown.contains("denied") && shown.lines().count() == 2, "{shown}");
        assert!(!shown.contains("chain") && !shown.contains("null"), "{shown}");
    }

    #[test]
    fn entries_are_readable_at_any_width_and_whole_in_a_pipe() {
        let entry = json!({
            "time": "2026-01-02T03:04:05.678Z", "event": "capability-denied", "operator": "an.operator@example.org",
            "method": "service.restart-everything", "minions": ["web1", "a-minion-with-a-long-name.example.org"],
            "arguments": { "name": "サービス".repeat(40) }, "decision": "denied",
        });
        let whole = ["capability-denied", "an.operator@example.org", "denied"].map(str::to_owned).to_vec();
        check::tables(env!("CARGO_MANIFEST_DIR"), |_| {
            vec![Sample { table: table(&[entry.to_string()]), whole: whole.clone() }]
        });
    }

    #[test]
    fn a_limit_that_is_too_large_says_how_to_narrow_it_down() {
        assert_eq!(limit("10000"), Ok(10_000));
        assert!(limit("10001").is_err_and(|error| error.contains("--since")) && limit("0").is_err());
    }
}
