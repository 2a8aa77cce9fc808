//! Jobs for tests.

use wire::digest::Digest;
use wire::message::call::Progress;
use wire::message::job::{JobState, MinionJobId, MinionState};
use wire::message::operator::{Asked, JobDocument, Part, Target};
use wire::message::outcome::{Cost, ModuleRef, Outcome, Report};

pub(super) const JOB: &str = "01KB00000000000000000000JB";
pub(super) const MINION_JOB: &str = "01KB00000000000000000000MJ";

/// A job with these parts, accepted at 1,000 ms and over 14 ms later if it is over.
pub(crate) fn document(parts: Vec<Part>) -> JobDocument {
    let state = JobState::of(parts.iter().map(|part| part.state));
    JobDocument {
        job: JOB.parse().expect("an id"),
        state,
        method: "test.add".parse().expect("a method"),
        operator: "root".parse().expect("a name"),
        target: Target::of("*"),
        accepted_at: 1000,
        ended_at: state.is_over().then_some(1014),
        parts,
        asked: Some(Asked { arguments: Some(r#"{"a":2}"#.into()), ..Asked::default() }),
    }
}

/// A part that ran and ended.
pub(super) fn ended(minion: &str, outcome: Outcome, wall_us: u64) -> Part {
    let state = MinionState::Finished(outcome.kind());
    let module = Some(ModuleRef { version: None, digest: Digest::of(b"") });
    let cost = Cost { wall_us, ..Cost::default() };
    let report = Report { module, cost, ..Report::without_run(outcome, 0) };
    Part { report: Some(report), ..part(minion, Some(state), Some(minion_job())) }
}

/// A part that ended without having run.
pub(super) fn undone(minion: &str, outcome: Outcome) -> Part {
    let state = MinionState::Finished(outcome.kind());
    Part { report: Some(Report::without_run(outcome, 0)), ..part(minion, Some(state), None) }
}

/// A part that runs.
pub(super) fn running(minion: &str) -> Part {
    let progress = Some(Progress { done: 3, total: 10, note: "copying".into() });
    Part { progress, ..part(minion, Some(MinionState::Running), Some(minion_job())) }
}

/// A part of which nothing is known yet.
pub(super) fn silent(minion: &str) -> Part {
    part(minion, None, None)
}

/// A part in this state, with nothing else known of it.
pub(crate) fn part(minion: &str, state: Option<MinionState>, minion_job: Option<MinionJobId>) -> Part {
    Part {
        minion: minion.parse().expect("a name"),
        minion_job,
        state,
        progress: None,
        report: None,
        absence: None,
        given_up: None,
    }
}

fn minion_job() -> MinionJobId {
    MINION_JOB.parse().expect("an id")
}
