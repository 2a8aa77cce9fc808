//! Every table that shows a job, with what is hard to show.

use output::Reader;
use output::check::Sample;
use wire::message::job::{JobState, MinionState, OutcomeKind};
use wire::message::operator::{History, Part, Transition};
use wire::message::outcome::{FailureKind, Outcome};
use wire::value::Value;

use super::{answer_tables, history, outcomes, sample};

/// A name that is as long as many are.
pub(crate) const LONG_NAME: &str = "web-0000000001.rack-7.example.org";

/// Text that is longer than any terminal is wide, with letters of several widths.
pub(crate) fn long_text() -> String {
    "サービスを再起動できませんでした: the unit \"nginx.service\" did not start within its time, e\u{301}tage 3 ".repeat(4)
}

/// The tables of jobs for this reader.
pub(crate) fn tables(reader: Reader) -> Vec<Sample> {
    let long = || Outcome::Ok(Some(Value::String(long_text())));
    let failed = || Outcome::failed(FailureKind::Undelivered, long_text());
    let parts: Vec<Part> = vec![
        sample::ended(LONG_NAME, long(), 1900),
        sample::ended("web2", Outcome::Ok(Some(Value::String("line\n".repeat(90)))), 3_599_000_000),
        sample::undone("web3", failed()),
        sample::running("web4"),
    ];
    let names = [LONG_NAME, "web2", "undelivered", "running"].map(str::to_owned).to_vec();
    let one = |table| Sample { table, whole: vec![LONG_NAME.to_owned()] };
    let mut samples = vec![
        Sample { table: outcomes::outcomes(&parts, reader), whole: names },
        one(outcomes::result(&parts[0], reader)),
        one(outcomes::lone_row(&parts[0], LONG_NAME.len(), reader)),
        Sample {
            table: outcomes::lone_row(&parts[2], LONG_NAME.len(), reader),
            whole: vec!["undelivered".into()],
        },
    ];
    let fields = |count: usize| {
        let field = |number| (format!("field-{number}"), Value::String(format!("{number} {}", long_text())));
        Value::Record((0..count).map(field).collect())
    };
    let numbers = Value::Record(vec![("a-field".into(), Value::Unsigned(u64::MAX))]);
    let minions = [LONG_NAME, "web2"].map(|minion| (Some(minion), fields(5)));
    let answers = minions.each_ref().map(|(minion, value)| (*minion, value));
    let together = answer_tables::tables(&answers, reader).unwrap_or_default().into_iter();
    samples.extend(together.map(|table| Sample { table, whole: vec![LONG_NAME.into(), "web2".into()] }));
    samples.push(one(outcomes::outcomes_alone(&parts, reader)));
    for value in [fields(1), fields(12), numbers, Value::List(vec![fields(9), fields(9)])] {
        let tables = answer_tables::tables(&[(None, &value)], reader).unwrap_or_default();
        samples.extend(tables.into_iter().map(|table| Sample { table, whole: Vec::new() }));
    }
    for targets in [1, 40] {
        let table = history(&course(targets), reader);
        samples
            .push(Sample { table, whole: vec!["step 3".into(), "finished".into(), "remote-error".into()] });
    }
    samples
}

/// The course of a job on so many minions.
fn course(targets: usize) -> History {
    let minion = |number: usize| format!("{number}-{LONG_NAME}").parse().expect("a name");
    let finished = MinionState::Finished(OutcomeKind::Interrupted);
    let steps = [
        (JobState::Running, Some(MinionState::Running)),
        (JobState::Partial, Some(finished)),
        (JobState::RemoteError, None),
    ];
    let transitions = steps.into_iter().zip(0..).map(|((job_state, state), seq)| Transition {
        seq,
        at: 1_700_000_000_000,
        job_state,
        part: state.map(|state| (minion(0), state)),
    });
    History {
        job: sample::JOB.parse().expect("an id"),
        targets: (0..targets).map(minion).collect(),
        transitions: transitions.collect(),
        given_up: Vec::new(),
    }
}
