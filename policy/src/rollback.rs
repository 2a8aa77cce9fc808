//! When a minion goes back to the version of a module that was in service before, without being asked.

use std::num::NonZeroU32;
use std::time::Duration;

use serde::Deserialize;

use crate::given::some_time;

/// The minion goes back after so many traps, so soon after a version was put into service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RollbackRule {
    /// How many jobs of the version must have ended `trapped`.
    pub traps: NonZeroU32,
    /// For how long after it was put into service traps count.
    #[serde(deserialize_with = "some_time")]
    pub within: Duration,
}

impl std::fmt::Display for RollbackRule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} traps within {}", self.traps, humantime::format_duration(self.within))
    }
}
