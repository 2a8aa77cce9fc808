//! What the minion's owner has set for this module: the table `[modules.NAME.settings]` of its configuration, as
//! it was when the module was loaded.
//!
//! Dots in a name lead into nested tables, as in `proxy.port`. A setting that is set to a value of another type
//! fails with [`Error::WrongType`], which names the setting, its value and the type.

use crate::host::settings as host;

pub use crate::bindings::minion::settings::settings::Error;

/// The names of all settings, sorted.
pub fn names() -> Vec<String> {
    host::names()
}

/// A setting of any type as JSON text, or `None` where it is not set. For settings whose type the module knows,
/// the functions below are shorter.
pub fn get(name: &str) -> Option<String> {
    host::get(name)
}

/// A truth value, or `None` where it is not set.
///
/// # Errors
/// [`Error::WrongType`] where it is set to something else.
pub fn boolean(name: &str) -> Result<Option<bool>, Error> {
    host::boolean(name)
}

/// A whole number, or `None` where it is not set.
///
/// # Errors
/// [`Error::WrongType`] where it is set to something else, also to a number that is not whole.
pub fn integer(name: &str) -> Result<Option<i64>, Error> {
    host::integer(name)
}

/// A number, whole or not, or `None` where it is not set.
///
/// # Errors
/// [`Error::WrongType`] where it is set to something else.
pub fn number(name: &str) -> Result<Option<f64>, Error> {
    host::number(name)
}

/// A text, or `None` where it is not set.
///
/// # Errors
/// [`Error::WrongType`] where it is set to something else.
pub fn text(name: &str) -> Result<Option<String>, Error> {
    host::text(name)
}

/// A list of texts, or `None` where it is not set.
///
/// # Errors
/// [`Error::WrongType`] where it is set to something else.
pub fn texts(name: &str) -> Result<Option<Vec<String>>, Error> {
    host::texts(name)
}

/// The error in words, so that `?` works in methods that return `result<_, string>`.
impl From<Error> for String {
    fn from(error: Error) -> String {
        match error {
            Error::WrongType(text) | Error::Other(text) => text,
        }
    }
}
