//! Whether a job's history is one that can have happened.

use serde_json::Value;
use wire::job::{JobState, MinionState, OutcomeKind};

/// Plays a history as `overlord job history --json` prints it, through the rules that both sides go by.
///
/// # Errors
/// The first step that cannot follow on those before it, or that the job is not over at the end.
pub fn check_history(history: &Value) -> Result<(), String> {
    let targets: Vec<&str> =
        history["targets"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let mut parts: Vec<Option<MinionState>> = vec![None; targets.len()];
    let mut over = false;
    for (step, number) in history["steps"].as_array().into_iter().flatten().zip(1_u64..) {
        let wrong = |why: &str| Err(format!("step {number}: {why}: {history:#}"));
        if over || step["step"] != number {
            return wrong("it is one too many");
        }
        if let Some(minion) = step["minion"].as_str() {
            let Some(place) = targets.iter().position(|target| *target == minion) else {
                return wrong("it is about a stranger");
            };
            let Some(next) = state(step).and_then(|next| MinionState::advance(parts[place], next)) else {
                return wrong("the part does not move forward");
            };
            parts[place] = Some(next);
        }
        let follows = JobState::of(parts.iter().copied());
        // The last outcome comes in first, and then the job is over.
        let with_part = if follows.is_over() { JobState::Partial } else { follows };
        let expected = if step["minion"].is_null() { follows } else { with_part };
        if step["state"] != expected.as_str() {
            return wrong(&format!("the job should be {expected}"));
        }
        over = expected.is_over();
    }
    if over { Ok(()) } else { Err(format!("it does not end: {history:#}")) }
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
        check_history(&json!({ "targets": ["web1"], "steps": steps }))
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
