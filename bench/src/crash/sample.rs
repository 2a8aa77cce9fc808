//! Jobs for the tests of this folder.

use wire::message::job::{JobState, MinionState, OutcomeKind};
use wire::message::operator::{History, JobDocument, Part, Target, Transition};

/// A job with a part of this outcome on each of these minions, where it has one.
pub(super) fn document(parts: &[(&str, Option<OutcomeKind>)]) -> JobDocument {
    let part = |(minion, outcome): &(&str, Option<OutcomeKind>)| Part {
        minion: minion.parse().expect("a name"),
        minion_job: None,
        state: outcome.map(MinionState::Finished),
        progress: None,
        report: None,
        absence: None,
        given_up: None,
    };
    let parts: Vec<Part> = parts.iter().map(part).collect();
    let state = JobState::of(parts.iter().map(|part| part.state));
    JobDocument {
        job: "01KB00000000000000000000JB".parse().expect("an id"),
        state,
        method: "test.append".parse().expect("a method"),
        operator: "root".parse().expect("a name"),
        target: Target::of("*"),
        accepted_at: 1000,
        ended_at: state.is_over().then_some(1014),
        parts,
        asked: None,
    }
}

/// The history of a job that is over.
pub(super) fn history(document: &JobDocument) -> History {
    let begun = (JobState::Running, None);
    let ended = document.parts.iter().filter_map(|part| Some((part.minion.clone(), part.state?)));
    let ended = ended.map(|part| (JobState::Partial, Some(part)));
    let steps = [begun].into_iter().chain(ended).chain([(document.state, None)]);
    let step = |(seq, (job_state, part))| Transition { seq, at: 0, job_state, part };
    History {
        job: document.job,
        targets: document.parts.iter().map(|part| part.minion.clone()).collect(),
        transitions: (0..).zip(steps).map(step).collect(),
        given_up: Vec::new(),
    }
}
