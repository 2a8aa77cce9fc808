//! The course of a job, step by step, as it was recorded.

use std::collections::HashMap;

use jiff::tz::TimeZone;
use output::{Cell, ContentArrangement, Table};
use serde_json::{Value as Json, json};
use wire::job::MinionState;
use wire::name::MinionName;
use wire::operator::{History, Transition};

use super::absence;
use super::moment::exact;
use wire::clock::rfc3339;

/// The most minions that get a column each where nobody says how wide the table may be.
const MAX_COLUMNS: usize = 12;

/// The room between two columns of states.
const GAP: u16 = 3;

/// The course of a job as a table: one row a step, one column for the overlord and one a minion.
///
/// Where that does not fit the terminal, each row says only what changed.
///
/// Below it stands which parts were given up, and what their minions said later.
pub fn history(history: &History) -> String {
    let mut text = render(history, Table::fitting().width(), &TimeZone::system());
    for (minion, given_up) in &history.given_up {
        text.push_str(&format!("\n{minion} was {}", absence::given_up_words(given_up)));
    }
    text
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

fn render(history: &History, width: Option<u16>, zone: &TimeZone) -> String {
    let mut table = Table::of_width(None);
    table.set_content_arrangement(ContentArrangement::Disabled);
    let fits = match width {
        Some(width) => columns_width(history) <= usize::from(width),
        None => history.targets.len() <= MAX_COLUMNS,
    };
    if fits {
        steps(&mut table, history, zone);
    } else {
        changes(&mut table, history, zone);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, GAP));
    }
    if let Some(column) = table.column_mut(0) {
        column.set_padding((1, 2));
    }
    table.render().to_string()
}

/// How wide the table of steps is: each column as wide as its heading or "finished", and the gaps.
fn columns_width(history: &History) -> usize {
    let (longest_state, gap) = ("finished".len(), usize::from(GAP));
    let column = |heading: usize| heading.max(longest_state) + gap;
    let step = " step ".len() + history.transitions.len().to_string().len() + 2;
    let minions: usize = history.targets.iter().map(|minion| column(minion.as_str().len())).sum();
    step + column("OVERLORD".len()) + minions + "2026-01-01 00:00:00.000".len()
}

/// One column for everyone, with where each stands after the step.
fn steps(table: &mut Table, history: &History, zone: &TimeZone) {
    let mut heading = vec![String::new(), "OVERLORD".to_owned()];
    heading.extend(history.targets.iter().map(|minion| minion.as_str().to_ascii_uppercase()));
    heading.push("TIME".to_owned());
    table.set_header(heading);
    let places: HashMap<&MinionName, usize> =
        history.targets.iter().enumerate().map(|(place, minion)| (minion, place)).collect();
    let mut states = vec!["-"; history.targets.len()];
    for (step, transition) in numbered(history) {
        if let Some((minion, state)) = &transition.part
            && let Some(place) = places.get(minion)
        {
            states[*place] = state.as_str();
        }
        let mut row = vec![Cell::new(format!("step {step}")), Cell::new(transition.job_state)];
        row.extend(states.iter().map(Cell::new));
        row.push(Cell::new(exact(transition.at, zone)));
        table.add_row(row, None);
    }
}

/// Only what changed.
fn changes(table: &mut Table, history: &History, zone: &TimeZone) {
    table.set_header(["", "OVERLORD", "MINION", "STATE", "TIME"]);
    for (step, transition) in numbered(history) {
        let (minion, state) = match &transition.part {
            Some((minion, state)) => (minion.as_str(), state.as_str()),
            None => ("-", "-"),
        };
        let row = [
            Cell::new(format_args!("step {step}")),
            Cell::new(transition.job_state),
            Cell::new(minion),
            Cell::new(state),
            Cell::new(exact(transition.at, zone)),
        ];
        table.add_row(row, None);
    }
}

fn numbered(history: &History) -> impl Iterator<Item = (usize, &Transition)> {
    history.transitions.iter().enumerate().map(|(index, transition)| (index + 1, transition))
}

#[cfg(test)]
mod tests {
    use wire::job::{JobState, OutcomeKind};

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

    #[test]
    fn the_normal_course_is_the_table_of_six_steps() {
        let expected = "         OVERLORD   MINION1    MINION2    TIME
 step 1  running    -          -          2023-11-14 22:13:20.000
 step 2  running    running    -          2023-11-14 22:13:21.500
 step 3  partial    running    running    2023-11-14 22:13:23.000
 step 4  partial    finished   running    2023-11-14 22:13:24.500
 step 5  partial    finished   finished   2023-11-14 22:13:26.000
 step 6  finished   finished   finished   2023-11-14 22:13:27.500";
        assert_eq!(render(&normal_course(), Some(80), &TimeZone::UTC), expected);
    }

    #[test]
    fn a_table_too_wide_for_the_terminal_is_a_list_of_changes() {
        let mut history = normal_course();
        history.targets.extend((3..20).map(|n| minion(&format!("minion{n}"))));
        let expected = "         OVERLORD   MINION    STATE      TIME
 step 1  running    -         -          2023-11-14 22:13:20.000
 step 2  running    minion1   running    2023-11-14 22:13:21.500";
        for width in [Some(80), None] {
            let list = render(&history, width, &TimeZone::UTC);
            assert!(list.starts_with(expected), "{list}");
            assert_eq!(list.lines().count(), 7);
        }
        let wide = render(&history, Some(400), &TimeZone::UTC);
        assert!(wide.lines().next().is_some_and(|heading| heading.contains("MINION19")));
        assert!(wide.lines().all(|line| line.chars().count() <= columns_width(&history)));
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
        assert!(render(&history, None, &TimeZone::UTC).contains("1970-01-01 00:00:00.000"));
    }
}
