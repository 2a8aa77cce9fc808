//! The wall clock, for what people read. No order and no decision about a live job depends on it.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::failpoint;

/// Now. Every reading of the wall clock is one of this, so that tests can set it.
pub fn now() -> SystemTime {
    failpoint::shifted(SystemTime::now())
}

/// Now, in milliseconds since 1970.
pub fn now_ms() -> u64 {
    // Before 1970 the clock is plainly wrong; zero says so as well as anything.
    now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}
