//! What an overlord says of a job in the end, and whether the history in it leads to where the job is.

use wire::message::job::JobId;
use wire::message::operator::{History, JobDocument, Part};
use wire::name::MinionName;

/// What the overlord says in the end of a job that it accepted.
#[derive(Clone, Debug)]
pub(super) struct Ending {
    pub(super) job: JobId,
    /// `None` where it does not know it.
    pub(super) document: Option<JobDocument>,
    /// `None` where it does not know it.
    pub(super) history: Option<History>,
}

/// What is not allowed in a history that led to this document, in words.
pub(super) fn flaw(history: &History, document: &JobDocument) -> Option<String> {
    history.flaw().or_else(|| other_end(history, document))
}

fn other_end(history: &History, document: &JobDocument) -> Option<String> {
    let end = history.transitions.last().map(|last| last.job_state);
    if end != Some(document.state) {
        return Some(format!("it does not end with the job as \"{}\"", document.state));
    }
    let state = |minion: &MinionName| {
        let mut parts = history.transitions.iter().rev().filter_map(|transition| transition.part.as_ref());
        parts.find(|(name, _)| name == minion).map(|(_, state)| *state)
    };
    let differs = |part: &&Part| state(&part.minion) != part.state;
    document.parts.iter().find(differs).map(|part| format!("it ends with another state of {}", part.minion))
}

#[cfg(test)]
mod tests {
    use wire::message::job::{JobState, MinionState, OutcomeKind};
    use wire::message::operator::Transition;

    use super::super::sample::document;
    use super::*;

    const RUNNING: Option<MinionState> = Some(MinionState::Running);
    const OK: Option<MinionState> = Some(MinionState::Finished(OutcomeKind::Ok));
    const INTERRUPTED: Option<MinionState> = Some(MinionState::Finished(OutcomeKind::Interrupted));

    fn found(steps: &[(u32, JobState, Option<MinionState>)]) -> Option<String> {
        let document = document(&[("web1", Some(OutcomeKind::Ok))]);
        let minion = &document.parts[0].minion;
        let step = |(seq, job_state, part): &(u32, JobState, Option<MinionState>)| Transition {
            seq: *seq,
            at: 0,
            job_state: *job_state,
            part: part.map(|state| (minion.clone(), state)),
        };
        let transitions = steps.iter().map(step).collect();
        let (job, targets) = (document.job, vec![minion.clone()]);
        flaw(&History { job, targets, transitions, given_up: Vec::new() }, &document)
    }

    #[test]
    fn the_normal_course_has_no_flaw() {
        use JobState::{Finished, Partial, Running};
        let course = [(1, Running, None), (2, Partial, RUNNING), (3, Partial, OK), (4, Finished, None)];
        assert_eq!(found(&course), None);
        assert_eq!(found(&[(1, Running, None), (2, Partial, OK), (3, Finished, None)]), None);
    }

    #[test]
    fn whatever_goes_back_or_does_not_fit_the_end_is_a_flaw() {
        use JobState::{Finished, Partial, RemoteError, Running};
        let start = (1, Running, None);
        for flawed in [
            vec![start, (2, Partial, OK), (3, Partial, RUNNING), (4, Finished, None)],
            vec![start, (2, Partial, OK), (3, Partial, INTERRUPTED), (4, Finished, None)],
            vec![start, (2, Partial, RUNNING), (3, Running, OK), (4, Finished, None)],
            vec![start, (2, Partial, OK), (2, Finished, None)],
            vec![start, (2, Partial, OK)],
            vec![start, (2, Partial, INTERRUPTED), (3, Finished, None)],
            vec![start, (2, Partial, INTERRUPTED), (3, RemoteError, None)],
            vec![],
        ] {
            assert!(found(&flawed).is_some(), "{flawed:?}");
        }
    }
}
