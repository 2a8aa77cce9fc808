//! What became of a change of a module, minion by minion.

use serde_json::{Map, Value as Json, json as object};
use wire::catalogue::{Became, ModuleResult};
use wire::name::ModuleName;

use super::text::counted;

/// The heading of the rows below.
pub const CHANGE_HEADING: [&str; 5] = ["MINION", "RESULT", "VERSION", "BEFORE", "REASON"];

/// One minion's result as a row.
pub fn change_row(result: &ModuleResult) -> Vec<String> {
    let dash = || "-".to_owned();
    vec![
        result.minion.to_string(),
        words(result.became).to_owned(),
        result.version.clone().unwrap_or_else(dash),
        result.before.map_or_else(dash, |digest| digest.short()),
        result.reason.clone().unwrap_or_default(),
    ]
}

/// The last line for people.
pub fn change_closing(module: &ModuleName, results: &[ModuleResult]) -> String {
    let counts: Vec<String> =
        counts(results).into_iter().map(|(became, count)| format!("{count} {}", words(became))).collect();
    format!("{}: {} · {module}", counted(results.len(), "minion"), counts.join(", "))
}

/// The document of a change: what it was about, how often each result occurred, and each minion's.
pub fn change_json(about: Map<String, Json>, results: &[ModuleResult]) -> Json {
    let mut json = head(about, results);
    let results = results.iter().map(|one| (one.minion.to_string(), Json::Object(result(one))));
    json.insert("results".to_owned(), results.collect::<Map<_, _>>().into());
    Json::Object(json)
}

/// One minion's result as an object of its own, for output line by line.
pub fn change_json_line(one: &ModuleResult) -> Json {
    let mut json = Map::from_iter([("minion".to_owned(), object!(one.minion))]);
    json.extend(result(one));
    Json::Object(json)
}

/// What the document says besides the results, as the last line of output line by line.
pub fn change_json_summary(about: Map<String, Json>, results: &[ModuleResult]) -> Json {
    object!({ "summary": head(about, results) })
}

fn head(mut about: Map<String, Json>, results: &[ModuleResult]) -> Map<String, Json> {
    let counts =
        counts(results).into_iter().map(|(became, count)| (became.as_str().to_owned(), count.into()));
    about.insert("targets".to_owned(), results.len().into());
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
        assert_eq!(change_row(&failed), row);
        let staged = one("web2", Became::Staged, None);
        assert_eq!(change_row(&staged)[1], "staged, not activated");
        let module = "test".parse().expect("a name");
        let line = change_closing(&module, &[failed.clone(), staged]);
        assert_eq!(line, "2 minions: 1 failed, 1 staged, not activated · test");
        let json = change_json(Map::new(), &[failed]);
        assert_eq!(json["results"]["web1"]["before"], before.to_string());
        assert_eq!(json["counts"], object!({ "failed": 1 }));
    }
}
