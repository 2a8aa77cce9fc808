//! Why an overlord does not do what an operator asks for.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a request was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// What was wrong, as something a program can match on.
    pub kind: RefusalKind,
    /// One line for people: the thing, and the next step.
    pub message: String,
}

impl Refusal {
    /// A refusal of `kind`.
    pub fn new(kind: RefusalKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Refusal {}

/// What was wrong with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum RefusalKind {
    /// The request itself is wrong: a bad expression, an unknown method, arguments that do not fit.
    BadRequest,
    /// The target expression matches no enrolled minion.
    NoMatch,
    /// There is no such job, minion or module.
    NotFound,
    /// The target is wide and the operator did not confirm it.
    NeedsConfirmation,
    /// The operator may not do this.
    Denied,
    /// The overlord cannot do it now: its disk is full, or it is stopping.
    Unavailable,
    /// Another change of the same thing is under way.
    Busy,
}

impl RefusalKind {
    /// The word for it in JSON, as `no-match`.
    pub fn as_str(self) -> &'static str {
        match self {
            RefusalKind::BadRequest => "usage",
            RefusalKind::NoMatch => "no-match",
            RefusalKind::NotFound => "not-found",
            RefusalKind::NeedsConfirmation => "needs-confirmation",
            RefusalKind::Denied => "denied",
            RefusalKind::Unavailable => "unavailable",
            RefusalKind::Busy => "busy",
        }
    }
}
