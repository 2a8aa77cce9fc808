//! Moments, as people and as programs read them.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// Local date and time, to the second.
pub(crate) fn local(ms: u64) -> String {
    timestamp(ms).to_zoned_datetime(TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// Date and time in a time zone, to the millisecond.
pub(super) fn exact(ms: u64, zone: &TimeZone) -> String {
    timestamp(ms).to_zoned_datetime(zone.clone()).strftime("%Y-%m-%d %H:%M:%S%.3f").to_string()
}

/// Reads a moment in RFC 3339, or a local date with or without the time; `None` for anything else.
pub(crate) fn parse(text: &str) -> Option<u64> {
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
    use super::*;

    #[test]
    fn moments_read_well() {
        assert_eq!(exact(1_700_000_000_123, &TimeZone::UTC), "2023-11-14 22:13:20.123");
        assert_eq!(local(1_700_000_000_123).len(), "2023-11-14 22:13:20".len());
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
}
