//! A job's history as the command line prints it.

use serde_json::Value;
use wire::message::job::{MinionState, OutcomeKind};
use wire::message::operator::{History, Transition};

/// Holds a history as `overlord job history --json` prints it against the rules.
///
/// # Errors
/// Its first flaw, or that it is no such document.
pub fn check_history(document: &Value) -> Result<(), String> {
    let flaw = match read(document) {
        Some(history) => history.flaw().or_else(|| misnumbered(&history)),
        None => Some("it is no history".to_owned()),
    };
    flaw.map_or(Ok(()), |flaw| Err(format!("{flaw}: {document:#}")))
}

/// The command line numbers the steps from one on, whatever the numbers that were recorded.
fn misnumbered(history: &History) -> Option<String> {
    let mut numbered = history.transitions.iter().zip(1..);
    numbered
        .find(|(step, number)| step.seq != *number)
        .map(|(_, number)| format!("step {number} is left out"))
}

fn read(document: &Value) -> Option<History> {
    let name = |minion: &Value| serde_json::from_value(minion["name"].clone()).ok();
    let targets = document["minions"].as_array()?.iter().map(name).collect::<Option<_>>()?;
    let transitions = document["steps"].as_array()?.iter().map(transition).collect::<Option<_>>()?;
    let job = serde_json::from_value(document["job"].clone()).ok()?;
    Some(History { job, targets, transitions, given_up: Vec::new() })
}

fn transition(step: &Value) -> Option<Transition> {
    let part = match &step["minion"] {
        Value::Null => None,
        minion => Some((serde_json::from_value(minion.clone()).ok()?, state(step)?)),
    };
    let job_state = serde_json::from_value(step["state"].clone()).ok()?;
    Some(Transition { seq: serde_json::from_value(step["step"].clone()).ok()?, at: 0, job_state, part })
}

fn state(step: &Value) -> Option<MinionState> {
    match step["minion_state"].as_str()? {
        "queued" => Some(MinionState::Queued),
        "running" => Some(MinionState::Running),
        _ => serde_json::from_value::<OutcomeKind>(step["outcome"].clone()).ok().map(MinionState::Finished),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn step(step: u64, state: &str, minion_state: Option<&str>, outcome: Option<&str>) -> Value {
        let minion = minion_state.map(|_| "web1");
        json!({ "step": step, "state": state, "minion": minion, "minion_state": minion_state, "outcome": outcome })
    }

    fn check(steps: &[Value]) -> Result<(), String> {
        check_history(
            &json!({ "job": "01KB00000000000000000000JB", "minions": [{ "name": "web1" }], "steps": steps }),
        )
    }

    #[test]
    fn a_history_that_goes_back_or_does_not_end_is_found() {
        let course = [
            step(1, "running", None, None),
            step(2, "partial", Some("running"), None),
            step(3, "partial", Some("finished"), Some("ok")),
            step(4, "finished", None, None),
        ];
        assert_eq!(check(&course), Ok(()));
        for end in 0..course.len() {
            assert!(check(&course[..end]).is_err(), "it ends after step {end}");
        }
        let mut twice = course.to_vec();
        twice.insert(2, step(3, "partial", Some("running"), None));
        assert!(check(&twice).expect_err("it ran twice").contains("step 3"));
        let mut early = course.to_vec();
        early[1] = step(2, "finished", Some("running"), None);
        assert!(check(&early).expect_err("it is over too soon").contains("step 2"));
    }
}
