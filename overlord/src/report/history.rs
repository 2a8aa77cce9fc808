//! The course of a job, step by step, as it was recorded.

use std::collections::HashMap;

use jiff::tz::TimeZone;
use output::{Column, Reader, Table};
use serde_json::{Value as Json, json};
use wire::message::job::MinionState;
use wire::message::operator::{GivenUp, History, Transition};
use wire::name::MinionName;

use super::absence;
use machine::clock::rfc3339;
use machine::moment::exact;

/// The most minions that get a column each where nobody says how wide the table may be.
const MAX_COLUMNS: usize = 12;

/// The room between two columns of states.
const GAP: usize = 3;

/// The course of a job as a table: one row a step, one column for the overlord and one a minion.
///
/// Where that does not fit the terminal, each row says only what changed.
pub fn history(history: &History, reader: Reader) -> Table {
    in_zone(history, reader, &TimeZone::system())
}

/// Which parts were given up, and what their minions said later: a line each.
pub fn given_up(history: &History) -> Vec<String> {
    let line = |(minion, given_up): &(MinionName, GivenUp)| {
        format!("{minion} was {}", absence::given_up_words(given_up))
    };
    history.given_up.iter().map(line).collect()
}

/// The course of a job as one JSON document.
pub fn history_json(history: &History) -> Json {
    let steps: Vec<Json> = numbered(history).map(|(step, transition)| change(step, transition)).collect();
    let given_up: HashMap<_, _> =
        history.given_up.iter().map(|(minion, given_up)| (minion, given_up)).collect();
    let minion = |name: &MinionName| {
        let given_up = given_up.get(name).map(|given_up| absence::given_up_document(given_up));
        json!({ "name": name, "given_up": given_up })
    };
    json!({
        "job": history.job,
        "targets": history.targets.len(),
        "minions": history.targets.iter().map(minion).collect::<Vec<_>>(),
        "steps": steps,
    })
}

fn change(step: usize, transition: &Transition) -> Json {
    let (minion, state) = transition.part.as_ref().map(|(minion, state)| (minion, *state)).unzip();
    json!({
        "step": step,
        "at": rfc3339(transition.at),
        "state": transition.job_state.as_str(),
        "code": transition.job_state.code(),
        "minion": minion,
        "minion_state": state.map(MinionState::as_str),
        "outcome": state.and_then(MinionState::outcome).map(|outcome| outcome.as_str()),
    })
}

fn in_zone(history: &History, reader: Reader, zone: &TimeZone) -> Table {
    // Where nobody says how wide it may be, people are to read it all the same.
    if reader.columns().is_none() && history.targets.len() > MAX_COLUMNS {
        return changes(history, zone);
    }
    let steps = steps(history, zone);
    if steps.fits(reader) { steps } else { changes(history, zone) }
}

fn state(heading: impl Into<String>) -> Column {
    Column::whole(heading).gap(GAP)
}

/// One column for everyone, with where each stands after the step.
fn steps(history: &History, zone: &TimeZone) -> Table {
    let mut columns = vec![Column::whole(""), state("OVERLORD")];
    columns.extend(history.targets.iter().map(|minion| state(minion.as_str().to_ascii_uppercase())));
    columns.push(Column::whole("TIME"));
    let mut table = Table::new(columns);
    let places: HashMap<&MinionName, usize> =
        history.targets.iter().enumerate().map(|(place, minion)| (minion, place)).collect();
    let mut states = vec!["-"; history.targets.len()];
    for (step, transition) in numbered(history) {
        if let Some((minion, state)) = &transition.part
            && let Some(place) = places.get(minion)
        {
            states[*place] = state.as_str();
        }
        let mut row = vec![format!(" step {step}"), transition.job_state.to_string()];
        row.extend(states.iter().map(|state| (*state).to_owned()));
        row.push(exact(transition.at, zone));
        table.add(row);
    }
    table
}

/// Only what changed.
fn changes(history: &History, zone: &TimeZone) -> Table {
    let columns =
        [Column::whole(""), state("OVERLORD"), state("MINION"), state("STATE"), Column::whole("TIME")];
    let row = |(step, transition): (usize, &Transition)| {
        let (minion, state) = match &transition.part {
            Some((minion, state)) => (minion.as_str(), state.as_str()),
            None => ("-", "-"),
        };
        let (step, at) = (format!(" step {step}"), exact(transition.at, zone));
        [step, transition.job_state.to_string(), minion.to_owned(), state.to_owned(), at]
    };
    Table::new(columns).with(numbered(history).map(row))
}

fn numbered(history: &History) -> impl Iterator<Item = (usize, &Transition)> {
    history.transitions.iter().enumerate().map(|(index, transition)| (index + 1, transition))
}

#[cfg(test)]
mod tests {
    use wire::message::job::{JobState, OutcomeKind};

    use super::*;
    use crate::report::sample;

    const RUNNING: MinionState = MinionState::Running;
    const FINISHED: MinionState = MinionState::Finished(OutcomeKind::Ok);

    fn minion(name: &str) -> MinionName {
        name.parse().expect("a name")
    }

    /// The normal course with two minions.
    fn normal_course() -> History {
        let steps = [
            (JobState::Running, None),
            (JobState::Running, Some(("minion1", RUNNING))),
            (JobState::Partial, Some(("minion2", RUNNING))),
            (JobState::Partial, Some(("minion1", FINISHED))),
            (JobState::Partial, Some(("minion2", FINISHED))),
            (JobState::Finished, None),
        ];
        let transitions = steps.into_iter().zip(0..).map(|((job_state, part), seq)| Transition {
            seq,
            at: 1_700_000_000_000 + u64::from(seq) * 1500,
            job_state,
            part: part.map(|(name, state)| (minion(name), state)),
        });
        History {
            job: sample::JOB.parse().expect("an id"),
            targets: vec![minion("minion1"), minion("minion2")],
            transitions: transitions.collect(),
            given_up: Vec::new(),
        }
    }

    fn shown(history: &History, reader: Reader) -> String {
        in_zone(history, reader, &TimeZone::UTC).shown(reader).to_string()
    }

    #[test]
    fn the_normal_course_is_the_table_of_six_steps() {
        let expected = "         OVERLORD   MINION1    MINION2    TIME
 step 1  running    -          -          2023-11-14 22:13:20.000
 step 2  running    running    -          2023-11-14 22:13:21.500
 step 3  partial    running    running    2023-11-14 22:13:23.000
 step 4  partial    finished   running    2023-11-14 22:13:24.500
 step 5  partial    finished   finished   2023-11-14 22:13:26.000
 step 6  finished   finished   finished   2023-11-14 22:13:27.500";
        assert_eq!(shown(&normal_course(), Reader::Terminal(Some(80))), expected);
    }

    #[test]
    fn a_table_too_wide_for_the_terminal_is_a_list_of_changes() {
        let mut history = normal_course();
        history.targets.extend((3..20).map(|n| minion(&format!("minion{n}"))));
        let expected = "         OVERLORD   MINION    STATE      TIME
 step 1  running    -         -          2023-11-14 22:13:20.000
 step 2  running    minion1   running    2023-11-14 22:13:21.500";
        for reader in [Reader::Terminal(Some(80)), Reader::Pipe] {
            let list = shown(&history, reader);
            assert!(list.starts_with(expected), "{list}");
            assert_eq!(list.lines().count(), 7);
        }
        let wide = shown(&history, Reader::Terminal(Some(400)));
        assert!(wide.lines().next().is_some_and(|heading| heading.contains("MINION19")));
    }

    #[test]
    fn the_document_says_what_changed_at_each_step() {
        let document = history_json(&normal_course());
        let expected = json!({
            "step": 4, "at": "2023-11-14T22:13:24.500Z", "state": "partial", "code": 3,
            "minion": "minion1", "minion_state": "finished", "outcome": "ok",
        });
        assert_eq!(document["steps"][3], expected);
        assert_eq!(document["steps"][0]["minion"], Json::Null);
        assert_eq!(document["targets"], 2);
        assert_eq!(document["minions"][1], json!({ "name": "minion2", "given_up": null }));
    }

    #[test]
    fn a_clock_beyond_all_calendars_is_shown_and_not_a_panic() {
        let mut history = normal_course();
        history.transitions[0].at = u64::MAX;
        assert!(shown(&history, Reader::Pipe).contains("1970-01-01 00:00:00.000"));
    }
}
