//! Waiting for what daemons do in their own time.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::said::PATIENCE;

/// Looks until there is what was waited for, and gives that.
///
/// # Panics
/// Where that takes longer than [`PATIENCE`], with what was there instead when it was looked at last.
pub fn until<T>(mut look: impl FnMut() -> Result<T, String>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        match look() {
            Ok(found) => return found,
            Err(instead) => assert!(Instant::now() < end, "it never came to that: {instead}"),
        }
        thread::sleep(PAUSE);
    }
}

/// How long it is until the next look: so long that looking does not keep a slow machine busy.
const PAUSE: Duration = Duration::from_millis(10);

/// Says that something is over once this is dropped, also where a test fails: threads that go on until then end.
pub struct Over<'a>(pub &'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
