//! Moments, as people read and write them. Programs read [`rfc3339`](crate::clock::rfc3339).

use std::time::SystemTime;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::clock::now_ms;

/// Local date and time, to the second.
pub fn local(ms: u64) -> String {
    timestamp(ms).to_zoned_datetime(TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// Local time of day, to the second.
pub fn time_of_day(moment: SystemTime) -> String {
    let moment = Timestamp::try_from(moment).unwrap_or(Timestamp::UNIX_EPOCH);
    moment.to_zoned_datetime(TimeZone::system()).strftime("%H:%M:%S").to_string()
}

/// Date and time in a time zone, to the millisecond.
pub fn exact(ms: u64, zone: &TimeZone) -> String {
    timestamp(ms).to_zoned_datetime(zone.clone()).strftime("%Y-%m-%d %H:%M:%S%.3f").to_string()
}

/// Reads a moment of the past: how long ago it was (`2h`, `7days`), a local date with or without the time
/// (`2026-01-31 18:00`), or RFC 3339. In milliseconds since 1970.
///
/// # Errors
/// How to write one, for anything else.
pub fn past(text: &str) -> Result<u64, String> {
    if let Ok(ago) = humantime::parse_duration(text) {
        return Ok(now_ms().saturating_sub(u64::try_from(ago.as_millis()).unwrap_or(u64::MAX)));
    }
    parse(text).ok_or_else(|| "write it like 2h, 7days, 2026-01-31 or \"2026-01-31 18:00\"".to_owned())
}

/// Reads a moment in RFC 3339, or a local date with or without the time; `None` for anything else.
fn parse(text: &str) -> Option<u64> {
    let timestamp = text.parse::<Timestamp>().ok().or_else(|| {
        let local: DateTime = text.parse().ok()?;
        TimeZone::system().to_timestamp(local).ok()
    });
    u64::try_from(timestamp?.as_millisecond()).ok()
}

/// A clock may say anything; what no calendar holds is shown as its first day.
fn timestamp(ms: u64) -> Timestamp {
    let ms = i64::try_from(ms).ok();
    ms.and_then(|ms| Timestamp::from_millisecond(ms).ok()).unwrap_or(Timestamp::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn moments_read_well() {
        assert_eq!(exact(1_700_000_000_123, &TimeZone::UTC), "2023-11-14 22:13:20.123");
        assert_eq!(local(1_700_000_000_123).len(), "2023-11-14 22:13:20".len());
        let moment = SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_123);
        assert!(local(1_700_000_000_123).ends_with(&time_of_day(moment)));
    }

    #[test]
    fn what_is_written_can_be_read() {
        assert_eq!(parse("2023-11-14T22:13:20.123Z"), Some(1_700_000_000_123));
        assert_eq!(parse(&local(1_700_000_000_000)), Some(1_700_000_000_000));
        let day = parse("2023-11-14").expect("a day");
        assert_eq!(local(day), "2023-11-14 00:00:00");
        assert_eq!((parse("soon"), parse("1960-01-01T00:00:00Z")), (None, None));
    }

    #[test]
    fn a_clock_beyond_all_calendars_is_shown_and_not_a_panic() {
        assert_eq!(exact(u64::MAX, &TimeZone::UTC), "1970-01-01 00:00:00.000");
    }

    #[test]
    fn a_moment_of_the_past_is_how_long_ago_or_when() {
        let hours = past("2h 30m").expect("a span");
        let ago = now_ms() - hours;
        assert!((9_000_000..9_060_000).contains(&ago), "{ago}");
        assert_eq!(past("2023-11-14T22:13:20.123Z"), Ok(1_700_000_000_123));
        assert!(past("yesterday").expect_err("no moment").contains("2h"));
    }
}
