//! Promises that were broken.

use wire::message::job::{JobId, JobState, OutcomeKind};

/// A promise that was broken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// The job was accepted, and now nobody knows it.
    #[error("job {0}: the overlord accepted it and does not know it any more")]
    Forgotten(JobId),
    /// The job has no final outcome.
    #[error("job {0}: it is still \"{1}\"")]
    NotOver(JobId, JobState),
    /// Its recorded transitions are not what the rules allow.
    #[error("job {0}: its history is not possible: {1}")]
    History(JobId, String),
    /// It ended in a way that nothing explains.
    #[error("job {0} on {1}: it ended as \"{2}\"")]
    Outcome(JobId, String, OutcomeKind),
    /// An operator saw another outcome than the one that stands.
    #[error("job {0} on {1}: its operator saw it end as \"{2}\", and it ended as \"{3}\"")]
    Changed(JobId, String, OutcomeKind, OutcomeKind),
    /// It ran more than once.
    #[error("job {0} on {1}: it was started {2} times")]
    StartedAgain(JobId, String, usize),
    /// It is said to have run, or not to, and that is not so.
    #[error("job {0} on {1}: it ended as \"{2}\" and was started {3} times")]
    Untrue(JobId, String, OutcomeKind, usize),
    /// Its guest did what it does more than once, or is said to have done it, or not to, and that is not so.
    #[error("job {0} on {1}: it ended as \"{2}\" and its guest wrote its line {3} times")]
    Effect(JobId, String, OutcomeKind, usize),
    /// Minion and overlord have different records of it.
    #[error("job {0} on {1}: the overlord has \"{2}\" on record, the minion has {3}")]
    Disagreement(JobId, String, OutcomeKind, String),
    /// It ran where it was not aimed at.
    #[error("job {0}: its guest wrote its line on {1}, which it was not aimed at")]
    Elsewhere(JobId, String),
    /// A call that was refused was carried out all the same.
    #[error("a refused call: a guest wrote its line \"{0}\" on {1}")]
    RefusedRan(String, String),
    /// A call of which nobody was told anything was carried out more than once.
    #[error("a call that got no answer: a guest wrote its line \"{0}\" {2} times on {1}")]
    UntoldRanAgain(String, String, usize),
    /// Something was done that nobody asked for.
    #[error("{1} has a line that no call writes: \"{0}\"")]
    Unasked(String, String),
}
