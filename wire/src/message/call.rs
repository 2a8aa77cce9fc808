//! A call as an operator makes it and as a minion gets it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::message::job::JobId;
use crate::name::{MethodPath, OperatorName};
use crate::value::arguments::Arguments;

/// What a minion is asked to run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Start {
    /// The overlord's id of the job, under which a minion starts it at most once.
    pub job: JobId,
    /// What to run.
    pub method: MethodPath,
    /// With what.
    pub arguments: Arguments,
    /// On whose behalf.
    pub operator: OperatorName,
    /// How long it may run by the minion's clock, in milliseconds; the minion's own limit holds besides.
    pub timeout_ms: Option<u64>,
    /// Whether effects are only to be recorded.
    pub dry_run: bool,
    /// Whether the minion must have the job on disk before it says so.
    pub durable: bool,
}

/// How far a job says it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Units done.
    pub done: u64,
    /// Units in all, 0 where the module does not know.
    pub total: u64,
    /// What it is doing.
    pub note: String,
}

/// How grave a log line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum LogLevel {
    Debug,
    Info,
    Warn,
    Error,
}

/// One line that a module logged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// How grave it is.
    pub level: LogLevel,
    /// The text.
    pub message: String,
    /// Names and values that go with it.
    pub fields: Vec<(String, String)>,
}

/// A number of minions, or a share of a job's targets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Share {
    /// So many.
    Count(u32),
    /// So many in a hundred.
    Percent(u8),
}

/// A text that is neither a number nor a percentage, or nothing at all of either.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a number of minions or a percentage, and no less than 1: write 10, or 25%")]
pub struct BadShare;

impl Share {
    /// Whether it is none, of however many minions.
    pub fn is_none(self) -> bool {
        matches!(self, Share::Count(0) | Share::Percent(0))
    }

    /// How many of `targets` minions this is. A percentage is rounded up.
    pub fn of(self, targets: usize) -> usize {
        match self {
            Share::Count(count) => count as usize,
            Share::Percent(percent) => (targets * usize::from(percent)).div_ceil(100),
        }
    }
}

impl FromStr for Share {
    type Err = BadShare;

    fn from_str(text: &str) -> Result<Self, BadShare> {
        match text.strip_suffix('%') {
            Some(percent) => match percent.parse() {
                Ok(percent @ 1..=100) => Ok(Share::Percent(percent)),
                _ => Err(BadShare),
            },
            None => match text.parse() {
                Ok(count @ 1..) => Ok(Share::Count(count)),
                _ => Err(BadShare),
            },
        }
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Share::Count(count) => write!(f, "{count}"),
            Share::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_a_number_or_a_percentage_rounded_up() {
        assert_eq!("3".parse::<Share>().map(|share| share.of(10)), Ok(3));
        assert_eq!("25%".parse::<Share>().map(|share| share.of(10)), Ok(3));
        assert_eq!("100%".parse::<Share>().map(|share| share.of(3)), Ok(3));
        assert_eq!(
            ["7", "25%"].map(|text| text.parse::<Share>().map(|share| share.to_string())),
            [Ok("7".to_owned()), Ok("25%".to_owned())]
        );
        assert!(Share::Count(0).is_none() && Share::Percent(0).is_none());
        assert!(!Share::Count(1).is_none() && !Share::Percent(1).is_none());
        for bad in ["", "%", "0", "0%", "101%", "-1", "3.5", "three"] {
            assert_eq!(bad.parse::<Share>(), Err(BadShare), "{bad:?}");
        }
    }
}
