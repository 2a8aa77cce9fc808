//! Jobs for the tests of this folder.

use wire::message::job::{JobState, MinionState, OutcomeKind};
use wire::message::operator::{History, JobDocument, Transition};

use crate::report::sample;

/// A job with a part of this outcome on each of these minions, where it has one.
pub(super) fn document(parts: &[(&str, Option<OutcomeKind>)]) -> JobDocument {
    let part = |(minion, outcome): &(&str, Option<OutcomeKind>)| {
        sample::part(minion, outcome.map(MinionState::Finished), None)
    };
    sample::document(parts.iter().map(part).collect())
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
