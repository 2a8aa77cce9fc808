//! The log of the made-up host, which keeps every line.

use super::{LogLine, state};
use crate::log::Level;

pub(crate) fn write(level: Level, message: &str, fields: &[(String, String)]) {
    state(|state| state.logged.push(LogLine { level, message: message.to_owned(), fields: fields.to_vec() }));
}
