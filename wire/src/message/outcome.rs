//! How a minion's part of a job ended, with everything that an operator needs to see of it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::message::job::OutcomeKind;
use crate::value::Value;

/// The end of one minion's part of a job, with its value or its failure. [`OutcomeKind`] is the same without them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Outcome {
    /// The method returned this value; `None` where it returns nothing.
    Ok(Option<Value>),
    /// The part ended in any other way.
    Failed(Failure),
}

impl Outcome {
    /// A failure of `kind` that has a message, one line for people, and nothing else.
    pub fn failed(kind: FailureKind, message: impl Into<String>) -> Self {
        Outcome::Failed(Failure { kind, message: message.into(), value: None, stderr: None, backtrace: None })
    }

    /// Which of the outcomes it is.
    pub fn kind(&self) -> OutcomeKind {
        match self {
            Outcome::Ok(_) => OutcomeKind::Ok,
            Outcome::Failed(failure) => failure.kind.outcome(),
        }
    }
}

/// Why an outcome is not `ok`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// What went wrong, as something that a program can match on.
    pub kind: FailureKind,
    /// One line for people.
    pub message: String,
    /// The error value, where the method returned one.
    pub value: Option<Value>,
    /// The last lines that the guest wrote to its stderr, where it wrote any.
    pub stderr: Option<String>,
    /// The guest's stack at a trap, innermost frame first.
    pub backtrace: Option<String>,
}

/// What went wrong: an outcome, divided further where a program may want to act on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum FailureKind {
    Error,
    Trapped,
    TimedOut,
    Cancelled,
    Killed,
    /// `rejected`: the minion has no such module.
    UnknownModule,
    /// `rejected`: the module has no such method, or it cannot be called.
    UnknownMethod,
    /// `rejected`: the arguments do not fit the method.
    BadArguments,
    /// `rejected`: the module needs a capability that policy does not grant.
    CapabilityMissing,
    /// `rejected`: the minion has as many jobs as it may have.
    Busy,
    /// `rejected`: the minion could not record the job, so it did not start it.
    NotRecorded,
    Denied,
    Interrupted,
    Undelivered,
    Lost,
}

impl FailureKind {
    /// The outcome that this kind of failure belongs to.
    pub fn outcome(self) -> OutcomeKind {
        match self {
            FailureKind::Error => OutcomeKind::Error,
            FailureKind::Trapped => OutcomeKind::Trapped,
            FailureKind::TimedOut => OutcomeKind::TimedOut,
            FailureKind::Cancelled => OutcomeKind::Cancelled,
            FailureKind::Killed => OutcomeKind::Killed,
            FailureKind::UnknownModule
            | FailureKind::UnknownMethod
            | FailureKind::BadArguments
            | FailureKind::CapabilityMissing
            | FailureKind::Busy
            | FailureKind::NotRecorded => OutcomeKind::Rejected,
            FailureKind::Denied => OutcomeKind::Denied,
            FailureKind::Interrupted => OutcomeKind::Interrupted,
            FailureKind::Undelivered => OutcomeKind::Undelivered,
            FailureKind::Lost => OutcomeKind::Lost,
        }
    }

    /// The word for it, as `unknown-method`: `error.kind` in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            FailureKind::UnknownModule => "unknown-module",
            FailureKind::UnknownMethod => "unknown-method",
            FailureKind::BadArguments => "bad-arguments",
            FailureKind::CapabilityMissing => "capability-missing",
            FailureKind::Busy => "busy",
            FailureKind::NotRecorded => "not-recorded",
            other => other.outcome().as_str(),
        }
    }
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What a job cost the minion. All zero where nothing ran.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cost {
    /// The time from the start of the guest to its end, in microseconds.
    pub wall_us: u64,
    /// The guest's time on a processor, in microseconds, to the accuracy of the epoch tick.
    pub cpu_us: u64,
    /// The most memory that the guest had at once, in bytes.
    pub peak_memory: u64,
    /// Bytes of arguments that went in.
    pub bytes_in: u64,
    /// Bytes of result and output that came out.
    pub bytes_out: u64,
}

/// The version of the module that ran.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModuleRef {
    /// The version in the component's metadata, if it has one.
    pub version: Option<String>,
    /// SHA-256 of the component's file.
    pub digest: crate::digest::Digest,
}

/// What a minion hands over when a job is over: the outcome, what ran and what it cost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// How the job ended.
    pub outcome: Outcome,
    /// The version that ran; `None` where none did.
    pub module: Option<ModuleRef>,
    /// What the job cost.
    pub cost: Cost,
    /// What a dry run would have done, in order, one line each.
    pub would: Vec<String>,
    /// When the job ended by the minion's clock, in milliseconds since 1970.
    pub ended_at: u64,
}

impl Report {
    /// The report of a job that never ran: without a module and at no cost. `ended_at` is in milliseconds since
    /// 1970.
    pub fn without_run(outcome: Outcome, ended_at: u64) -> Self {
        Report { outcome, module: None, cost: Cost::default(), would: Vec::new(), ended_at }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_failure_has_the_word_and_the_outcome_that_programs_know() {
        use FailureKind::*;
        let rejected = ["unknown-module", "unknown-method", "bad-arguments", "capability-missing", "busy"];
        let kinds = [UnknownModule, UnknownMethod, BadArguments, CapabilityMissing, Busy];
        for (kind, word) in kinds.into_iter().zip(rejected).chain([(NotRecorded, "not-recorded")]) {
            assert_eq!((kind.to_string().as_str(), kind.outcome()), (word, OutcomeKind::Rejected));
        }
        let others = [Error, Trapped, TimedOut, Cancelled, Killed, Denied, Interrupted, Undelivered, Lost];
        for kind in others {
            assert_eq!(format!("{kind:>12}"), format!("{:>12}", kind.outcome().as_str()), "{kind:?}");
            let failed = Outcome::failed(kind, "why");
            assert_eq!(failed.kind(), kind.outcome());
            let Outcome::Failed(failure) = failed else { panic!("{failed:?}") };
            assert_eq!((failure.kind, failure.message.as_str()), (kind, "why"));
        }
        assert_eq!(others.map(FailureKind::as_str)[..3], ["error", "trapped", "timed-out"]);
        assert_eq!(Outcome::Ok(None).kind(), OutcomeKind::Ok);
    }
}
