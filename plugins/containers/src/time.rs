//! Points in time as engines write them: `2026-11-26T19:00:22.300803793Z`, or with the hours that a zone is ahead.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use failure::Timestamp;

/// The point in time; none where a text says none, as the year 1 does.
pub(crate) fn read(text: &str) -> Option<SystemTime> {
    let text = text.trim();
    let at = humantime::parse_rfc3339(text).ok().or_else(|| {
        let (date, zone) = text.split_at_checked(text.len().checked_sub(6)?)?;
        let at = humantime::parse_rfc3339(&format!("{date}Z")).ok()?;
        let (hours, minutes) = zone.get(1..)?.split_once(':')?;
        let ahead = hours
            .parse::<u64>()
            .ok()?
            .checked_mul(3600)?
            .checked_add(minutes.parse::<u64>().ok()?.checked_mul(60)?)?;
        match zone.as_bytes().first()? {
            b'+' => at.checked_sub(Duration::from_secs(ahead)),
            b'-' => at.checked_add(Duration::from_secs(ahead)),
            _ => None,
        }
    })?;
    (at > UNIX_EPOCH).then_some(at)
}

/// The same, as methods answer it.
pub(crate) fn stamp(text: Option<&str>) -> Option<Timestamp> {
    text.and_then(read).map(failure::time_of)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_are_taken_off_and_no_time_is_none() {
        let text = |it: &str| stamp(Some(it)).map(|at| at.text);
        assert_eq!(text("2026-11-26T19:00:22.300803793Z").as_deref(), Some("2026-11-26T19:00:22Z"));
        assert_eq!(text("2026-11-26T19:00:22.3008+05:30").as_deref(), Some("2026-11-26T13:30:22Z"));
        assert_eq!(text("2026-11-26T19:00:22-01:00").as_deref(), Some("2026-11-26T20:00:22Z"));
        for none in [
            "0001-01-01T00:00:00Z",
            "",
            "soon",
            "ääääää",
            "2026-11-26T19:00:22+aa:00",
            "2026-11-26T19:00:22*01:00",
        ] {
            assert_eq!(text(none), None, "{none}");
        }
    }
}
