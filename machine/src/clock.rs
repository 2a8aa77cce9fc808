//! The wall clock, for what people read. No order and no decision about a live job depends on it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::failpoint;

/// This moment, by the wall clock. Every reading of the wall clock is one of this function, so that tests can set
/// it.
pub fn now() -> SystemTime {
    failpoint::shifted(SystemTime::now())
}

/// This moment, in milliseconds since 1970; 0 where the clock stands before that.
pub fn now_ms() -> u64 {
    // Before 1970 the clock is plainly wrong, and zero says so as well as any number.
    now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

/// A moment in milliseconds since 1970 as programs read it: RFC 3339 in UTC, to the millisecond. A moment beyond
/// the calendar is shown as the calendar's last.
pub fn rfc3339(ms: u64) -> String {
    humantime::format_rfc3339_millis(UNIX_EPOCH + Duration::from_millis(ms.min(LAST))).to_string()
}

/// The last millisecond of the year 9999, which is the last that RFC 3339 can say.
const LAST: u64 = 253_402_300_799_999;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_a_moment() {
        assert_eq!(rfc3339(1_700_000_000_123), "2023-11-14T22:13:20.123Z");
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(rfc3339(u64::MAX), "9999-12-31T23:59:59.999Z");
    }
}
