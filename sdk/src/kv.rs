//! What a module keeps between its jobs: keys of 1 to 512 bytes with any bytes as their values. No other module
//! sees them. The minion's policy grants it with a quota over all keys and values together: `kv = { quota = "1MiB"
//! }`.
//!
//! A change that was answered with success is on the minion's disk. Jobs run at the same time, so a value that
//! depends on the one before belongs into [`compare_and_set`].
//!
//! # Errors
//! Every function fails with [`Error::Denied`] where the policy grants no store, and with [`Error::Cancelled`]
//! once the job is being cancelled. Those that change something also fail with `Denied` where the quota is full,
//! and with [`Error::DryRun`], which has the record of what would have changed, in a dry run. Where one fails,
//! nothing was changed.

use crate::host::kv as host;

pub use crate::bindings::minion::kv::kv::Error;

/// The value of a key, or `None` where there is no such key.
pub fn get(key: &str) -> Result<Option<Vec<u8>>, Error> {
    host::get(key)
}

/// Gives a key a value, whatever it had before. Where the new value depends on the old one, use
/// [`compare_and_set`].
pub fn set(key: &str, value: impl AsRef<[u8]>) -> Result<(), Error> {
    host::set(key, value.as_ref())
}

/// Changes a key only if it still has the value `expected`, in one step. Returns whether it did: after `false`,
/// read the value again and try once more.
///
/// `None` as `expected` means that there must be no such key, `None` as `replacement` deletes it.
pub fn compare_and_set(
    key: &str,
    expected: Option<&[u8]>,
    replacement: Option<&[u8]>,
) -> Result<bool, Error> {
    host::compare_and_set(key, expected, replacement)
}

/// Deletes a key. Returns whether there was one.
pub fn delete(key: &str) -> Result<bool, Error> {
    host::delete(key)
}

/// Keys that begin with `prefix` and lie behind `after`, in the order of their bytes and at most `limit`.
///
/// The minion may return fewer than that, but none only at the end. To go through many keys, ask again with the
/// last key of one answer as `after`, until the answer is empty.
pub fn list(prefix: &str, after: Option<&str>, limit: u32) -> Result<Vec<String>, Error> {
    host::list(prefix, after, limit)
}

/// The error in words, so that `?` works in methods that return `result<_, string>`.
impl From<Error> for String {
    fn from(error: Error) -> String {
        match error {
            Error::Denied(text) | Error::DryRun(text) | Error::Other(text) => text,
            Error::Cancelled => "the job is being cancelled".to_owned(),
        }
    }
}
