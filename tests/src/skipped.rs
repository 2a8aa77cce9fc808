//! Tests that cannot be run on this machine.

use std::io::Write as _;

/// Says that the test that runs is skipped, and why, past the runner, which hides what passing tests print.
pub fn say_skipped(why: &str) {
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    // Without a stderr nobody is there to be told.
    let _ = writeln!(std::io::stderr(), "{test} is skipped: {why}");
}
