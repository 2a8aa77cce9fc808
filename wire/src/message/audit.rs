//! Which entries of an audit log are asked for. The entries themselves are lines of JSON.

use serde::{Deserialize, Serialize};

/// The most entries that are asked for at once.
pub const MAX_ENTRIES: usize = 10_000;

/// What entries of an audit log must fit. What is not said, every entry fits. Texts are globs, in which `*` stands for
/// any text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditQuery {
    /// Only what was written at this moment or later, in milliseconds since 1970.
    pub since: Option<u64>,
    /// Only what this operator did, or tried.
    pub operator: Option<String>,
    /// Only what concerns this method.
    pub method: Option<String>,
    /// Only what concerns this minion.
    pub minion: Option<String>,
    /// Only what was decided so.
    pub decision: Option<Decision>,
    /// The most entries, of which the newest are given: at most [`MAX_ENTRIES`].
    pub limit: usize,
}

/// What was decided on something that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decision {
    /// It was done.
    Allowed,
    /// It was refused.
    Denied,
}

impl Decision {
    /// The word for it in entries: `allowed` or `denied`.
    pub fn as_str(self) -> &'static str {
        match self {
            Decision::Allowed => "allowed",
            Decision::Denied => "denied",
        }
    }
}
