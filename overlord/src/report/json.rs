//! Jobs as JSON, for programs.

use serde_json::{Map, Value as Json, json as object};
use wire::message::job::{MinionState, OutcomeKind};
use wire::message::operator::{Asked, JobDocument, Part};
use wire::name::MinionName;

use super::absence;
use machine::clock::rfc3339;

/// The document of a job: what it is, how often each outcome occurred, and the result of each minion.
pub fn json(document: &JobDocument) -> Json {
    let mut json = head(document);
    json.insert("results".to_owned(), results_json(document));
    Json::Object(json)
}

/// The result of each minion, by name.
pub fn results_json(document: &JobDocument) -> Json {
    let results = document.parts.iter().map(|part| (part.minion.to_string(), Json::Object(result(part))));
    results.collect::<Map<_, _>>().into()
}

/// One minion's result as an object of its own, for output line by line.
pub fn json_line(part: &Part) -> Json {
    let mut json = Map::from_iter([("minion".to_owned(), object!(part.minion))]);
    json.extend(result(part));
    Json::Object(json)
}

/// What the document says besides the results, as the last line of output line by line.
pub fn json_summary(document: &JobDocument) -> Json {
    object!({ "summary": head(document) })
}

fn head(document: &JobDocument) -> Map<String, Json> {
    let mut json = Map::from_iter([
        ("job".to_owned(), object!(document.job)),
        ("state".to_owned(), object!(document.state.as_str())),
        ("code".to_owned(), object!(document.state.code())),
        ("method".to_owned(), object!(document.method)),
        ("operator".to_owned(), object!(document.operator)),
        ("target".to_owned(), object!(document.target.expression)),
        ("exclude".to_owned(), object!(document.target.exclude)),
        ("targets".to_owned(), object!(document.parts.len())),
        ("accepted_at".to_owned(), object!(rfc3339(document.accepted_at))),
        ("ended_at".to_owned(), object!(document.ended_at.map(rfc3339))),
        ("counts".to_owned(), counts_json(&document.counts())),
    ]);
    json.extend(document.asked.as_ref().map(asked).unwrap_or_default());
    json
}

/// Minions of which nothing else is said, as every list of minions has them.
pub fn named<'a>(minions: impl IntoIterator<Item = &'a MinionName>) -> Json {
    minions.into_iter().map(|minion| object!({ "name": minion })).collect()
}

/// How often each outcome occurred, by its name.
pub fn counts_json(counts: &[(OutcomeKind, usize)]) -> Json {
    let counts = counts.iter().map(|(outcome, count)| (outcome.to_string(), Json::from(*count)));
    counts.collect::<Map<_, _>>().into()
}

fn asked(asked: &Asked) -> Map<String, Json> {
    // What is not JSON is text, and a program sees that it is no object.
    let arguments =
        asked.arguments.as_deref().map(|text| serde_json::from_str(text).unwrap_or(object!(text)));
    Map::from_iter([
        ("arguments".to_owned(), object!(arguments)),
        ("dry_run".to_owned(), object!(asked.dry_run)),
        ("durable".to_owned(), object!(asked.durable)),
        ("timeout_ms".to_owned(), object!(asked.timeout_ms)),
        ("queue_ends_at".to_owned(), object!(asked.queue_until.map(rfc3339))),
        ("batch".to_owned(), object!(asked.batch.map(|batch| batch.to_string()))),
        ("max_failures".to_owned(), object!(asked.max_failures.map(|failures| failures.to_string()))),
        ("patience_ms".to_owned(), object!(asked.patience_ms)),
        ("signer".to_owned(), object!(asked.signer)),
        ("rerun_of".to_owned(), object!(asked.rerun_of)),
    ])
}

/// What there is to say of one part: its outcome, or where it is.
fn result(part: &Part) -> Map<String, Json> {
    let mut json = Map::new();
    match &part.report {
        Some(report) => json.extend(report.document()),
        None => {
            // An outcome whose report is not at hand is an outcome all the same.
            let outcome = part.state.and_then(MinionState::outcome).map(|outcome| outcome.as_str());
            json.insert("outcome".to_owned(), object!(outcome));
            json.insert("state".to_owned(), object!(part.state.map(MinionState::as_str)));
            json.extend(part.absence.as_ref().map(absence::document).unwrap_or_default());
            if let Some(progress) = &part.progress {
                let progress = object!({
                    "done": progress.done,
                    "total": progress.total,
                    "note": progress.note,
                });
                json.insert("progress".to_owned(), progress);
            }
        }
    }
    if let Some(given_up) = &part.given_up {
        json.insert("given_up".to_owned(), absence::given_up_document(given_up));
    }
    if let Some(minion_job) = part.minion_job {
        json.insert("minion_job".to_owned(), object!(minion_job));
    }
    json
}

#[cfg(test)]
mod tests {
    use wire::digest::Digest;
    use wire::message::operator::{Absence, GivenUp, Later};
    use wire::message::outcome::{Failure, FailureKind, Outcome, Report};
    use wire::value::Value;

    use super::*;
    use crate::report::sample;

    #[test]
    fn the_document_is_the_one_that_is_promised() {
        let document = sample::document(vec![
            sample::ended("web1", Outcome::Ok(Some(Value::Signed(5))), 1900),
            sample::ended("web2", Outcome::Ok(None), 2000),
            sample::undone("db1", Outcome::failed(FailureKind::Denied, "not for you")),
        ]);
        let ran = object!({"version": null, "digest": Digest::of(&[]).to_string()});
        let cost = object!({"cpu_ms": 0.0, "peak_memory": 0, "bytes_in": 0, "bytes_out": 0});
        let expected = object!({
            "job": sample::JOB, "state": "finished", "code": 1, "method": "test.add", "targets": 3,
            "operator": "root", "target": "*", "exclude": null,
            "accepted_at": "1970-01-01T00:00:01.000Z", "ended_at": "1970-01-01T00:00:01.014Z",
            "arguments": {"a": 2}, "dry_run": false, "durable": false, "timeout_ms": null, "queue_ends_at": null,
            "batch": null, "max_failures": null, "patience_ms": null, "signer": null, "rerun_of": null,
            "counts": {"ok": 2, "denied": 1},
            "results": {
                "web1": {
                    "outcome": "ok", "value": 5, "ms": 1.9, "module": ran, "cost": cost,
                    "minion_job": sample::MINION_JOB,
                },
                "web2": {
                    "outcome": "ok", "value": null, "ms": 2.0, "module": ran, "cost": cost,
                    "minion_job": sample::MINION_JOB,
                },
                "db1": {"outcome": "denied", "error": {"kind": "denied", "message": "not for you"}},
            },
        });
        assert_eq!(json(&document), expected);
        assert_eq!(json_summary(&document)["summary"]["counts"], expected["counts"]);
    }

    #[test]
    fn an_error_has_its_kind_and_all_that_is_known() {
        let failure = Failure {
            kind: FailureKind::UnknownMethod,
            message: "no such method".into(),
            value: Some(Value::Enum("gone".into())),
            stderr: Some("last words".into()),
            backtrace: Some("frame".into()),
        };
        let line = json_line(&sample::undone("db1", Outcome::Failed(failure)));
        let expected = object!({
            "minion": "db1", "outcome": "rejected",
            "error": {
                "kind": "unknown-method", "message": "no such method",
                "value": "gone", "stderr": "last words", "backtrace": "frame",
            },
        });
        assert_eq!(line, expected);
    }

    #[test]
    fn a_minion_that_is_not_done_has_a_state_instead_of_an_outcome() {
        let document = sample::document(vec![sample::running("web1"), sample::silent("web2")]);
        let json = json(&document);
        let expected = object!({
            "web1": {
                "outcome": null, "state": "running", "minion_job": sample::MINION_JOB,
                "progress": {"done": 3, "total": 10, "note": "copying"},
            },
            "web2": {"outcome": null, "state": null},
        });
        assert_eq!(json["results"], expected);
        assert_eq!((&json["state"], &json["code"]), (&object!("running"), &object!(0)));
        assert_eq!(json["counts"], object!({}));
    }

    #[test]
    fn a_minion_that_is_out_of_touch_keeps_its_state_and_says_so() {
        let absence = Absence { lost_at: 1_700_000_000_000, for_ms: 1, kept_ms: None, overdue: true };
        let line = json_line(&Part { absence: Some(absence), ..sample::running("web1") });
        assert_eq!((&line["outcome"], &line["state"]), (&Json::Null, &object!("running")));
        assert_eq!((&line["out_of_touch"], &line["overdue"]), (&object!(true), &object!(true)));
        assert_eq!(line["out_of_touch_at"], "2023-11-14T22:13:20.000Z");
        let lost = Outcome::failed(FailureKind::Lost, "given up by ann");
        let report = Report::without_run(Outcome::Ok(Some(Value::Signed(5))), 0);
        let later = Some(Later { at: 1_700_000_000_000, report });
        let given_up =
            Some(GivenUp { operator: "ann".parse().expect("a name"), at: 1_700_000_000_000, later });
        let line = json_line(&Part { given_up, ..sample::undone("web1", lost) });
        let expected = object!({
            "operator": "ann", "given_up_at": "2023-11-14T22:13:20.000Z",
            "heard_later": {"outcome": "ok", "value": 5, "heard_at": "2023-11-14T22:13:20.000Z"},
        });
        assert_eq!((&line["outcome"], &line["given_up"]), (&object!("lost"), &expected));
    }

    #[test]
    fn a_dry_run_says_what_it_would_do() {
        let mut part = sample::ended("web1", Outcome::Ok(None), 1);
        part.report.as_mut().expect("a report").would.push("run systemctl restart nginx".into());
        assert_eq!(json_line(&part)["would"], object!(["run systemctl restart nginx"]));
    }
}
