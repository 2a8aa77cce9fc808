//! Durations as people write them in arguments, and for how long a command waits.

use std::time::Duration;

use clap::Args;

use crate::client::Patience;

/// Reads `90s`, `5m`, `1h 30m`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|error| format!("{error}; write it like 90s, 5m or 1h30m"))
}

/// Reads the same, but no time at all is refused: what lasts less than a millisecond does nothing.
pub(super) fn brief_duration(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        brief if brief.as_millis() == 0 => {
            Err("must be a millisecond at least: write it like 90s, 5m or 1h30m".to_owned())
        }
        long => Ok(long),
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units() {
        assert_eq!(duration("1m 30s"), Ok(Duration::from_secs(90)));
        assert!(duration("5").expect_err("no unit").contains("write it like"));
        assert_eq!(brief_duration("1ms"), Ok(Duration::from_millis(1)));
        for none in ["0s", "0ms", "1us"] {
            assert!(brief_duration(none).expect_err("refused").contains("write it like"), "{none}");
        }
    }
}
