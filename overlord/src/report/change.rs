//! What became of a change of a module, minion by minion.

use output::{Column, Table};
use serde_json::{Map, Value as Json, json as object};
use wire::message::catalogue::{Became, ModuleResult};
use wire::message::operator::Absence;
use wire::name::{MinionName, ModuleName};

use super::absence::{self, OUT_OF_TOUCH};
use machine::moment::local;
use wire::document::text::counted;

/// A minion on which a change has not ended.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenChange {
    /// Which minion.
    pub minion: MinionName,
    /// That it is out of touch.
    pub absence: Option<Absence>,
}

/// What became of each minion, those on which it has not ended last.
pub fn changes(results: &[ModuleResult], open: &[OpenChange]) -> Table {
    let columns = [
        Column::whole("MINION"),
        Column::whole("RESULT"),
        Column::whole("VERSION").minor(),
        Column::whole("BEFORE").minor(),
        Column::wrapped("REASON", 20, 120),
    ];
    Table::new(columns).with(results.iter().map(row).chain(open.iter().map(open_row)))
}

fn row(result: &ModuleResult) -> Vec<String> {
    let dash = || "-".to_owned();
    vec![
        result.minion.to_string(),
        words(result.became).to_owned(),
        result.version.clone().unwrap_or_else(dash),
        result.before.map_or_else(dash, |digest| digest.short()),
        result.reason.clone().unwrap_or_default(),
    ]
}

fn open_row(open: &OpenChange) -> Vec<String> {
    let (result, since) = match &open.absence {
        Some(absence) => (OUT_OF_TOUCH, format!("since {}", local(absence.lost_at))),
        None => (NOT_DONE, String::new()),
    };
    vec![open.minion.to_string(), result.to_owned(), "-".to_owned(), "-".to_owned(), since]
}

/// The last line for people.
pub fn change_closing(module: &ModuleName, results: &[ModuleResult], open: &[OpenChange]) -> String {
    let mut counts: Vec<String> =
        counts(results).into_iter().map(|(became, count)| format!("{count} {}", words(became))).collect();
    let away = open.iter().filter(|open| open.absence.is_some()).count();
    for (count, what) in [(open.len() - away, NOT_DONE), (away, OUT_OF_TOUCH)] {
        if count > 0 {
            counts.push(format!("{count} {what}"));
        }
    }
    format!("{}: {} · {module}", counted(results.len() + open.len(), "minion"), counts.join(", "))
}

/// The document of a change: what it was about, how often each result occurred, and each minion's.
pub fn change_json(about: Map<String, Json>, results: &[ModuleResult], open: &[OpenChange]) -> Json {
    let mut json = head(about, results, open);
    let results = results.iter().map(|one| (one.minion.to_string(), Json::Object(result(one))));
    let open = open.iter().map(|one| (one.minion.to_string(), Json::Object(no_result(one))));
    json.insert("results".to_owned(), results.chain(open).collect::<Map<_, _>>().into());
    Json::Object(json)
}

/// One minion's result as an object of its own, for output line by line.
pub fn change_json_line(one: &ModuleResult) -> Json {
    let mut json = Map::from_iter([("minion".to_owned(), object!(one.minion))]);
    json.extend(result(one));
    Json::Object(json)
}

/// The same for a minion on which it has not ended.
pub fn open_change_json_line(one: &OpenChange) -> Json {
    let mut json = Map::from_iter([("minion".to_owned(), object!(one.minion))]);
    json.extend(no_result(one));
    Json::Object(json)
}

/// What the document says besides the results, as the last line of output line by line.
pub fn change_json_summary(about: Map<String, Json>, results: &[ModuleResult], open: &[OpenChange]) -> Json {
    object!({ "summary": head(about, results, open) })
}

fn head(mut about: Map<String, Json>, results: &[ModuleResult], open: &[OpenChange]) -> Map<String, Json> {
    let counts =
        counts(results).into_iter().map(|(became, count)| (became.as_str().to_owned(), count.into()));
    about.insert("targets".to_owned(), (results.len() + open.len()).into());
    about.insert("counts".to_owned(), counts.collect::<Map<_, _>>().into());
    about
}

fn result(one: &ModuleResult) -> Map<String, Json> {
    Map::from_iter([
        ("result".to_owned(), object!(one.became.as_str())),
        ("version".to_owned(), object!(one.version)),
        ("before".to_owned(), object!(one.before.map(|digest| digest.to_string()))),
        ("now".to_owned(), object!(one.now.map(|digest| digest.to_string()))),
        ("reason".to_owned(), object!(one.reason)),
    ])
}

fn no_result(one: &OpenChange) -> Map<String, Json> {
    let mut json = Map::from_iter([("result".to_owned(), Json::Null)]);
    json.extend(one.absence.as_ref().map(absence::document).unwrap_or_default());
    json
}

/// What stands in the place of a result where there is none.
const NOT_DONE: &str = "not done";

/// How often each result occurred, in the order of first appearance.
fn counts(results: &[ModuleResult]) -> Vec<(Became, usize)> {
    let mut counts: Vec<(Became, usize)> = Vec::new();
    for result in results {
        match counts.iter_mut().find(|(became, _)| *became == result.became) {
            Some((_, count)) => *count += 1,
            None => counts.push((result.became, 1)),
        }
    }
    counts
}

/// The words for people.
fn words(became: Became) -> &'static str {
    match became {
        Became::Staged => "staged, not activated",
        Became::NotSent => "not sent",
        Became::NotConnected => "not connected",
        other => other.as_str(),
    }
}

#[cfg(test)]
mod tests {
    use wire::digest::Digest;

    use super::*;

    fn one(minion: &str, became: Became, reason: Option<&str>) -> ModuleResult {
        ModuleResult {
            minion: minion.parse().expect("a name"),
            became,
            version: Some("1.0.0".into()),
            before: Some(Digest::of(b"before")),
            now: None,
            reason: reason.map(str::to_owned),
        }
    }

    #[test]
    fn every_minion_says_what_became_of_it_and_why() {
        let before = Digest::of(b"before");
        let failed = one("web1", Became::Failed, Some("needs a grant"));
        let row = ["web1", "failed", "1.0.0", &before.short(), "needs a grant"];
        assert_eq!(super::row(&failed), row);
        let staged = one("web2", Became::Staged, None);
        assert_eq!(super::row(&staged)[1], "staged, not activated");
        let module = "test".parse().expect("a name");
        let line = change_closing(&module, &[failed.clone(), staged], &[]);
        assert_eq!(line, "2 minions: 1 failed, 1 staged, not activated · test");
        let absence = Some(Absence { lost_at: 1_700_000_000_000, for_ms: 1, kept_ms: None, overdue: false });
        let open = [
            OpenChange { minion: "web3".parse().expect("a name"), absence },
            OpenChange { minion: "web4".parse().expect("a name"), absence: None },
        ];
        let line = change_closing(&module, std::slice::from_ref(&failed), &open);
        assert_eq!(line, "3 minions: 1 failed, 1 not done, 1 out of touch · test");
        assert_eq!(open_row(&open[0])[1], "out of touch");
        let json = change_json(Map::new(), &[failed], &open);
        assert_eq!(json["results"]["web1"]["before"], before.to_string());
        assert_eq!(json["results"]["web3"]["out_of_touch_at"], "2023-11-14T22:13:20.000Z");
        assert_eq!(json["results"]["web4"], object!({ "result": null }));
        assert_eq!((&json["counts"], &json["targets"]), (&object!({ "failed": 1 }), &object!(3)));
    }
}
