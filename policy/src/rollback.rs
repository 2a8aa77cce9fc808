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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_read_and_shown_as_people_write_it() {
        let rule: RollbackRule = toml::from_str("traps = 3\nwithin = '1h 30m'").expect("a rule");
        assert_eq!((rule.traps.get(), rule.within), (3, Duration::from_secs(5400)));
        assert_eq!(rule.to_string(), "3 traps within 1h 30m");
    }

    #[test]
    fn a_rule_that_does_nothing_is_refused() {
        for (text, told) in [
            ("traps = 0\nwithin = '10m'", "nonzero"),
            ("traps = 1\nwithin = '0s'", "no time at all does nothing: write \"10m\", or leave it out"),
            ("traps = 1\nwithin = 'soon'", "\"soon\" is not a duration"),
            ("traps = 1", "missing field `within`"),
        ] {
            let error = toml::from_str::<RollbackRule>(text).expect_err(text).to_string();
            assert!(error.contains(told), "{error}");
        }
    }
}
