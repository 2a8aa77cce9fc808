//! A report as a JSON document: the same in an overlord's results and from `minion call`.

use serde_json::{Map, Value, json};

use crate::message::outcome::{Failure, Outcome, Report};
use crate::value::json::to_json;

impl Report {
    /// The outcome with its value or its error, what a dry run would have done, how long the job took in
    /// milliseconds, which version ran and what that cost.
    pub fn document(&self) -> Map<String, Value> {
        let mut document = Map::new();
        document.insert("outcome".to_owned(), json!(self.outcome.kind().as_str()));
        match &self.outcome {
            Outcome::Ok(value) => {
                document.insert("value".to_owned(), value.as_ref().map_or(Value::Null, to_json));
            }
            Outcome::Failed(failure) => {
                document.insert("error".to_owned(), error(failure));
            }
        }
        if !self.would.is_empty() {
            document.insert("would".to_owned(), json!(self.would));
        }
        // What never ran has no time, rather than a time of zero.
        if self.module.is_some() || self.cost.wall_us > 0 {
            document.insert("ms".to_owned(), json!(self.cost.wall_us as f64 / 1000.0));
        }
        if let Some(module) = &self.module {
            let module = json!({ "version": module.version, "digest": module.digest.to_string() });
            document.insert("module".to_owned(), module);
            let cost = json!({
                "cpu_ms": self.cost.cpu_us as f64 / 1000.0,
                "peak_memory": self.cost.peak_memory,
                "bytes_in": self.cost.bytes_in,
                "bytes_out": self.cost.bytes_out,
            });
            document.insert("cost".to_owned(), cost);
        }
        document
    }
}

fn error(failure: &Failure) -> Value {
    let mut error = Map::from_iter([
        ("kind".to_owned(), json!(failure.kind.as_str())),
        ("message".to_owned(), json!(failure.message)),
    ]);
    let more = [
        ("value", failure.value.as_ref().map(to_json)),
        ("stderr", failure.stderr.as_ref().map(|text| json!(text))),
        ("backtrace", failure.backtrace.as_ref().map(|text| json!(text))),
    ];
    error.extend(more.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
    Value::Object(error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;
    use crate::message::outcome::{Cost, FailureKind, ModuleRef};

    #[test]
    fn a_report_says_what_came_out_what_ran_and_what_it_cost() {
        let module = ModuleRef { version: Some("1.2.0".into()), digest: Digest::ZERO };
        let cost = Cost { wall_us: 1_500, cpu_us: 500, peak_memory: 65_536, bytes_in: 3, bytes_out: 4 };
        let outcome = Outcome::Ok(Some(crate::value::Value::Unsigned(7)));
        let report = Report { outcome, module: Some(module), cost, would: vec!["x".into()], ended_at: 1 };
        let cost = json!({ "cpu_ms": 0.5, "peak_memory": 65_536, "bytes_in": 3, "bytes_out": 4 });
        let module = json!({ "version": "1.2.0", "digest": "0".repeat(64) });
        let document = json!({
            "outcome": "ok", "value": 7, "would": ["x"], "ms": 1.5, "module": module, "cost": cost,
        });
        assert_eq!(Value::Object(report.document()), document);
    }

    #[test]
    fn what_never_ran_has_no_time_and_no_cost_but_why() {
        let report = Report::without_run(Outcome::failed(FailureKind::UnknownModule, "no module \"x\""), 1);
        let error = json!({ "kind": "unknown-module", "message": "no module \"x\"" });
        assert_eq!(Value::Object(report.document()), json!({ "outcome": "rejected", "error": error }));
        let failure = Failure {
            kind: FailureKind::Error,
            message: "m".into(),
            value: Some(crate::value::Value::Bool(true)),
            stderr: Some("s".into()),
            backtrace: Some("b".into()),
        };
        let cost = Cost { wall_us: 2_000, ..Cost::default() };
        let report = Report { cost, ..Report::without_run(Outcome::Failed(failure), 1) };
        let error =
            json!({ "kind": "error", "message": "m", "value": true, "stderr": "s", "backtrace": "b" });
        assert_eq!(
            Value::Object(report.document()),
            json!({ "outcome": "error", "error": error, "ms": 2.0 })
        );
    }
}
