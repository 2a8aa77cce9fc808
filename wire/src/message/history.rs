//! Whether the history of a job is one that the rules allow: what tests and `overlord bench crash` hold ledgers
//! against.

use crate::message::job::{JobState, MinionState};
use crate::message::operator::{History, Transition};

impl History {
    /// What breaks the rules in the history of a job that is over, as one line for people; `None` where nothing
    /// does.
    ///
    /// The rules: each part moves only forward, the job is in the state that follows from its parts, and the last
    /// transition is that of the job itself, after the last outcome.
    pub fn flaw(&self) -> Option<String> {
        let mut course = Course { parts: vec![None; self.targets.len()], last: None };
        for transition in &self.transitions {
            if let Err(why) = course.take(self, transition) {
                return Some(format!("step {} {why}", transition.seq));
            }
        }
        let over = course.last.is_some_and(|last| last.job_state.is_over());
        (!over).then(|| "it does not end".to_owned())
    }
}

/// How far a history has been played.
struct Course<'h> {
    /// The state of each part, in the order of the targets.
    parts: Vec<Option<MinionState>>,
    last: Option<&'h Transition>,
}

impl<'h> Course<'h> {
    fn take(&mut self, history: &History, transition: &'h Transition) -> Result<(), String> {
        if let Some(last) = self.last {
            if transition.seq <= last.seq {
                return Err(format!("comes after step {}", last.seq));
            }
            if last.job_state.is_over() {
                return Err("comes after the end".to_owned());
            }
        }
        if let Some((minion, state)) = &transition.part {
            let place = history.targets.iter().position(|target| target == minion);
            let part = place.and_then(|place| self.parts.get_mut(place));
            let part = part.ok_or_else(|| format!("is about {minion}, which is no target"))?;
            let next = MinionState::advance(*part, *state);
            *part = Some(next.ok_or_else(|| format!("takes {minion} back to \"{state}\""))?);
        }
        let follows = JobState::of(self.parts.iter().copied());
        // The last outcome is recorded first, and only the transition after it ends the job.
        let expected =
            if transition.part.is_some() && follows.is_over() { JobState::Partial } else { follows };
        if transition.job_state != expected {
            return Err(format!("has the job as \"{}\" and not as \"{expected}\"", transition.job_state));
        }
        self.last = Some(transition);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::job::{JobId, OutcomeKind};

    type Step = (u32, JobState, Option<MinionState>);

    const RUNNING: Option<MinionState> = Some(MinionState::Running);
    const OK: Option<MinionState> = Some(MinionState::Finished(OutcomeKind::Ok));
    const INTERRUPTED: Option<MinionState> = Some(MinionState::Finished(OutcomeKind::Interrupted));

    fn found(steps: &[Step]) -> Option<String> {
        let minion: crate::name::MinionName = "web1".parse().expect("a name");
        let step = |(seq, job_state, part): &Step| Transition {
            seq: *seq,
            at: 0,
            job_state: *job_state,
            part: part.map(|state| (minion.clone(), state)),
        };
        let transitions = steps.iter().map(step).collect();
        History { job: JobId::new(), targets: vec![minion.clone()], transitions, given_up: Vec::new() }.flaw()
    }

    #[test]
    fn the_normal_course_has_no_flaw_and_each_beginning_of_it_has() {
        use JobState::{Finished, Partial, Running};
        let course = [(1, Running, None), (2, Partial, RUNNING), (3, Partial, OK), (4, Finished, None)];
        assert_eq!(found(&course), None);
        assert_eq!(found(&[(1, Running, None), (2, Partial, OK), (3, Finished, None)]), None);
        for end in 0..course.len() {
            assert!(found(&course[..end]).is_some(), "it ends after step {end}");
        }
    }

    #[test]
    fn whatever_goes_back_or_does_not_fit_its_parts_is_a_flaw() {
        use JobState::{Finished, Partial, RemoteError, Running};
        let start = (1, Running, None);
        for (flawed, step) in [
            (vec![start, (2, Partial, OK), (3, Partial, RUNNING), (4, Finished, None)], 3),
            (vec![start, (2, Partial, OK), (3, Partial, INTERRUPTED), (4, Finished, None)], 3),
            (vec![start, (2, Partial, RUNNING), (3, Partial, RUNNING), (4, Partial, OK)], 3),
            (vec![start, (2, Partial, RUNNING), (3, Running, OK), (4, Finished, None)], 3),
            (vec![start, (2, Finished, RUNNING), (3, Partial, OK), (4, Finished, None)], 2),
            (vec![start, (2, Partial, OK), (2, Finished, None)], 2),
            (vec![start, (2, Partial, INTERRUPTED), (3, Finished, None)], 3),
            (vec![start, (2, Partial, OK), (3, RemoteError, None)], 3),
            (vec![start, (2, Partial, OK), (3, Finished, None), (4, Finished, None)], 4),
        ] {
            let flaw = found(&flawed).expect("a flaw");
            assert!(flaw.starts_with(&format!("step {step} ")), "{flaw}: {flawed:?}");
        }
    }
}
