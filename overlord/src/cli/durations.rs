//! Durations as people write them in arguments.

use std::time::Duration;

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
