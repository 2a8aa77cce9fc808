//! `overlord facts`

use std::collections::BTreeMap;

use clap::Args;
use machine::clock::now_ms;
use output::{Column, Exit, FullFlag, Table, note, print, show};
use serde_json::{Map, Value as Json, json};
use wire::document::text::{size, span};
use wire::message::operator::{FactsHeard, TargetWarning};
use wire::name::MinionName;

use super::selection::{Selection, with_warnings};
use super::{CliError, Format, FormatFlag};
use crate::client::Client;
use machine::clock::rfc3339;
use wire::document::text::since;

/// Show what minions say of their hosts: system, memory, addresses, labels
#[derive(Debug, Args)]
#[command(after_help = "\
A PATH that no minion has ends the command with exit code 1. Sizes and times are shown in units, and in --json as they
are: in bytes and seconds.

Examples:
  overlord facts web1
  overlord facts '*' os kernel mem.total
  overlord facts 'role=db' labels --json")]
pub(super) struct FactsCommand {
    /// Whose facts
    target: String,
    /// Only these facts and what is below them: os, mem.total
    #[arg(value_name = "PATH")]
    paths: Vec<String>,
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    format: FormatFlag,
    #[command(flatten)]
    full: FullFlag,
}

/// Facts by their paths, in order.
type Leaves = BTreeMap<String, Json>;

/// What a minion says of its host.
pub(super) struct Facts {
    minion: MinionName,
    facts: Leaves,
    heard: FactsHeard,
}

impl FactsCommand {
    pub(super) async fn run(self, client: &Client) -> Result<Exit, CliError> {
        let (minions, warnings) = client.facts(self.selection.of(self.target)).await?.said();
        let minions: Vec<Facts> = minions.into_iter().map(read).collect();
        let missing: Vec<&String> = self
            .paths
            .iter()
            .filter(|path| {
                !minions.iter().any(|minion| minion.facts.keys().any(|fact| at_or_below(fact, path)))
            })
            .collect();
        for path in &missing {
            note(format_args!("no minion that matches has a fact \"{path}\""));
        }
        let printed = match self.format.format() {
            Format::Json => print(document(&minions, &warnings, &self.paths)),
            Format::Text => show(&table(&minions, &self.paths).shown(self.full.reader())),
        };
        Exit::of(missing.is_empty()).after_printing(printed)
    }
}

pub(super) fn read((minion, text, heard): (MinionName, String, FactsHeard)) -> Facts {
    let mut facts = Leaves::new();
    // The overlord took it as JSON, so it is some.
    leaves(&serde_json::from_str(&text).unwrap_or_default(), String::new(), &mut facts);
    match heard.at {
        _ if facts.is_empty() => {
            note(format_args!("minion \"{minion}\" has never said anything of its host"))
        }
        Some(at) if !heard.connected => {
            let ago = since(at, now_ms());
            note(format_args!("the facts of \"{minion}\" are {ago} old: it is not connected"));
        }
        _ => {}
    }
    Facts { minion, facts, heard }
}

/// Everything that is no object, by its path.
fn leaves(value: &Json, path: String, found: &mut Leaves) {
    match value {
        Json::Object(members) => {
            for (name, inner) in members {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                leaves(inner, path, found);
            }
        }
        Json::Null => {}
        leaf => drop(found.insert(path, leaf.clone())),
    }
}

/// Those that were asked for.
fn wanted(facts: &Leaves, paths: &[String]) -> Leaves {
    let wanted = |fact: &str| paths.is_empty() || paths.iter().any(|path| at_or_below(fact, path));
    facts.clone().into_iter().filter(|(path, _)| wanted(path)).collect()
}

fn document(minions: &[Facts], warnings: &[TargetWarning], paths: &[String]) -> Json {
    let document = |Facts { minion, facts, heard }: &Facts| {
        let facts: Map<String, Json> = wanted(facts, paths).into_iter().collect();
        json!({
            "name": minion,
            "connected": heard.connected,
            "heard_at": heard.at.map(rfc3339),
            "facts": facts,
        })
    };
    let minions: Vec<Json> = minions.iter().map(document).collect();
    with_warnings(json!({ "minions": minions }), warnings)
}

pub(super) fn table(minions: &[Facts], paths: &[String]) -> Table {
    let columns = [Column::whole("MINION"), Column::whole("FACT"), Column::cut("VALUE", 12, 120)];
    let rows = minions.iter().flat_map(|Facts { minion, facts, .. }| {
        let row = |(path, fact): (String, Json)| [minion.to_string(), path.clone(), in_units(&path, &fact)];
        wanted(facts, paths).into_iter().map(row)
    });
    Table::new(columns).with(rows)
}

/// Whether a fact is the one at `path` or below it, in whole names.
fn at_or_below(fact: &str, path: &str) -> bool {
    fact.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// A fact as people read it: what minions say in bytes and seconds of their hosts, in people's units.
fn in_units(path: &str, fact: &Json) -> String {
    let last = path.rsplit('.').next().unwrap_or(path);
    let ends = |unit: &str| {
        last.strip_suffix(unit).is_some_and(|rest| rest.is_empty() || rest.ends_with(['-', '_']))
    };
    match fact.as_u64() {
        Some(bytes) if path.starts_with("mem.") || ends("bytes") => size(bytes),
        Some(seconds) if path == "uptime" || ends("seconds") => span(seconds.saturating_mul(1_000_000)),
        _ => text(fact),
    }
}

fn text(fact: &Json) -> String {
    match fact {
        Json::String(text) => text.clone(),
        Json::Array(elements) => elements.iter().map(text).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_facts_and_dotted_ones_have_the_same_paths() {
        let said =
            r#"{"os.name":"Debian","os":"debian","mem":{"total":4},"none":null,"addresses":["a","b"]}"#;
        let Facts { facts, .. } =
            read(("web1".parse().expect("a name"), said.to_owned(), FactsHeard::default()));
        let paths: Vec<&str> = facts.keys().map(String::as_str).collect();
        assert_eq!(paths, ["addresses", "mem.total", "os", "os.name"]);
        assert_eq!(text(&facts["addresses"]), "a, b");
    }

    #[test]
    fn sizes_and_times_are_in_units_and_other_numbers_as_they_are() {
        for (path, number, shown) in [
            ("mem.total", 8_330_000_000_u64, "7.8 GiB"),
            ("disk.root.free-bytes", 2048, "2 KiB"),
            ("uptime", 93_784, "1d 2h"),
            ("backup.age-seconds", 90, "1m 30s"),
            ("cpus", 4, "4"),
            ("megabytes", 7, "7"),
            ("labels.uptime", 5, "5"),
        ] {
            assert_eq!(in_units(path, &json!(number)), shown, "{path}");
        }
        assert_eq!(in_units("mem.total", &json!("much")), "much");
    }

    #[test]
    fn a_path_means_whole_names() {
        assert!(at_or_below("os", "os") && at_or_below("os.name", "os"));
        assert!(!at_or_below("oslo", "os") && !at_or_below("os", "os.name"));
    }
}
