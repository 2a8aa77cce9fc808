//! The log of the job: operators see its lines as they come, and the minion keeps the last of them with the job.
//! Always granted.
//!
//! The macros take what `format!` takes, and names and values before a `;` to search the lines by:
//!
//! ```no_run
//! use minion_sdk::log;
//!
//! let unit = "nginx";
//! log::info!("restarting {unit}");
//! log::warn!(unit = unit, tries = 3; "gave up");
//! ```

use crate::host::log as host;

pub use crate::bindings::minion::log::log::Level;

pub use crate::{__debug as debug, __error as error, __info as info, __warn as warn};

/// Writes one line; the macros are the shorter way.
///
/// Returns at once and cannot fail: a line over the minion's limit is cut, and lines beyond the job's log volume,
/// or faster than they can be passed on, are dropped and counted, and the count is shown.
pub fn write(level: Level, message: &str, fields: &[(String, String)]) {
    host::write(level, message, fields);
}

/// Writes a line for the module's author.
#[doc(hidden)]
#[macro_export]
macro_rules! __debug {
    ($($line:tt)+) => { $crate::__line!(Debug, $($line)+) };
}

/// Writes a line for people who watch the job.
#[doc(hidden)]
#[macro_export]
macro_rules! __info {
    ($($line:tt)+) => { $crate::__line!(Info, $($line)+) };
}

/// Writes a line that says that something is not as it should be.
#[doc(hidden)]
#[macro_export]
macro_rules! __warn {
    ($($line:tt)+) => { $crate::__line!(Warn, $($line)+) };
}

/// Writes a line that says that something failed.
#[doc(hidden)]
#[macro_export]
macro_rules! __error {
    ($($line:tt)+) => { $crate::__line!(Error, $($line)+) };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __line {
    ($level:ident, $($name:ident = $value:expr),+ ; $($text:tt)+) => {
        $crate::log::write(
            $crate::log::Level::$level,
            &::std::format!($($text)+),
            &[$((::std::stringify!($name).to_owned(), ::std::string::ToString::to_string(&$value))),+],
        )
    };
    ($level:ident, $($text:tt)+) => {
        $crate::log::write($crate::log::Level::$level, &::std::format!($($text)+), &[])
    };
}
