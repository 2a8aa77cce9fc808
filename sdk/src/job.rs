//! The job that this instance runs: what is known of it, and how to report on it. Always granted.

use std::time::{Duration, SystemTime};

use crate::host::job as host;

pub use crate::bindings::minion::job::job::Error;

/// The overlord's id of the job, the same on every minion that it reached: 26 letters and digits that sort by
/// time.
pub fn id() -> String {
    host::id()
}

/// The method that was called, as `module.method`.
pub fn method() -> String {
    host::method()
}

/// The operator on whose behalf the job runs.
pub fn operator() -> String {
    host::operator()
}

/// When the minion ends the job, or `None` where no point in time ends it. Computed anew at each call from the
/// time that is left, so it stays right when the minion's clock is set.
pub fn deadline() -> Option<SystemTime> {
    host::deadline().and_then(|ms| SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(ms)))
}

/// Whether effects are only recorded and not done.
///
/// The host keeps that promise by itself: ask only where the module would otherwise believe the answer to an
/// effect that did not happen.
pub fn dry_run() -> bool {
    host::dry_run()
}

/// Says how far the job is: units done, units in all or 0 where that is not known, and in a few words what is
/// being done. A later call replaces an earlier one. Returns at once and cannot fail.
pub fn progress(done: u64, total: u64, note: &str) {
    host::progress(done, total, note);
}

/// Whether the job is to end early. Ask in every turn of a long loop, and return soon after it says `true`: a
/// method that does not is stopped, and its outcome is `killed` instead of `cancelled`.
pub fn cancelled() -> bool {
    host::cancelled()
}

/// Hands over a part of the result ahead of its end, which operators who wait for the job see at once. May wait
/// until there is room for it. What is for the log belongs into [`crate::log`].
///
/// # Errors
/// [`Error::Cancelled`] once the job is being cancelled, and [`Error::Limit`] where the job would put out more
/// than it may.
pub fn emit(chunk: &str) -> Result<(), Error> {
    host::emit(chunk)
}

/// The error in words, so that `?` works in methods that return `result<_, string>`.
impl From<Error> for String {
    fn from(error: Error) -> String {
        match error {
            Error::Cancelled => "the job is being cancelled".to_owned(),
            Error::Limit(text) | Error::Other(text) => text,
        }
    }
}
