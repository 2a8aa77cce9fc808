//! A call as a minion gets it, and what a running call says of itself: progress, log lines. As an operator makes
//! it, a call is a [`crate::message::operator::Call`].

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
    /// The method to run.
    pub method: MethodPath,
    /// The arguments, in the form in which the operator gave them.
    pub arguments: Arguments,
    /// The operator on whose behalf it runs.
    pub operator: OperatorName,
    /// How long it may run by the minion's clock, in milliseconds; the minion's own limit holds besides.
    pub timeout_ms: Option<u64>,
    /// Whether effects are only to be recorded, and none is to happen.
    pub dry_run: bool,
    /// Whether the minion must have the job on disk before it says that it took it.
    pub durable: bool,
}

/// How far a job says that it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// How many units are done.
    pub done: u64,
    /// How many units there are in all; 0 where the module does not know.
    pub total: u64,
    /// What the job is doing, in words.
    pub note: String,
}

/// How grave a log line is, the least grave first.
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
    /// The text of the line.
    pub message: String,
    /// Names and values that belong to the text.
    pub fields: Vec<(String, String)>,
}

/// A number of minions, or a share of a job's targets. Written `10` or `25%`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Share {
    /// So many minions.
    Count(u32),
    /// So many in a hundred of the targets, from 1 to 100 where it was parsed.
    Percent(u8),
}

/// The error for a text that is neither a number of at least 1 nor a percentage from 1 to 100.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a number of minions or a percentage, and no less than 1: write 10, or 25%")]
pub struct BadShare;

impl Share {
    /// Whether the share is no minion, however many targets there are. A parsed share never is.
    pub fn is_none(self) -> bool {
        matches!(self, Share::Count(0) | Share::Percent(0))
    }

    /// How many of `targets` minions the share is. A percentage is rounded up; a count may be more than there are
    /// targets.
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
