//! For how long a command waits for minions.

use std::time::Duration;

use clap::Args;

use super::{brief_duration, duration};
use crate::client::Patience;

/// For how long a command waits. What it waits for goes on without it.
#[derive(Clone, Copy, Debug, Default, Args)]
pub(super) struct Waiting {
    /// Wait so long for minions that are out of touch, from the moment when their links were lost [default: 15s]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(super) patience: Option<Duration>,
    /// Wait so long in all
    #[arg(long, value_name = "DURATION", value_parser = brief_duration)]
    pub(super) wait: Option<Duration>,
}

impl Waiting {
    /// As the client has it.
    pub(super) fn bounds(self) -> Patience {
        Patience { out_of_touch: self.patience, in_all: self.wait }
    }

    /// The patience in milliseconds, where there is one.
    pub(super) fn patience_ms(self) -> Option<u64> {
        self.patience.map(|patience| u64::try_from(patience.as_millis()).unwrap_or(u64::MAX))
    }

    /// Whether nothing is said.
    pub(super) fn is_unsaid(self) -> bool {
        self.patience.is_none() && self.wait.is_none()
    }
}
