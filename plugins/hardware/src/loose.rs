//! Values that older tools print as texts and newer ones as what they are.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// A whole number, or nothing where it is none.
pub(crate) fn number<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    Ok(match Value::deserialize(from)? {
        Value::Number(number) => number.as_u64().unwrap_or(0),
        Value::String(text) => text.trim().parse().unwrap_or(0),
        _ => 0,
    })
}

/// Whether something is so.
pub(crate) fn truth<'de, D: Deserializer<'de>>(from: D) -> Result<bool, D::Error> {
    Ok(match Value::deserialize(from)? {
        Value::Bool(is) => is,
        Value::String(text) => text.trim() == "1",
        Value::Number(number) => number.as_u64() == Some(1),
        _ => false,
    })
}

/// A text that says something.
pub(crate) fn word(text: impl AsRef<str>) -> Option<String> {
    let text = text.as_ref().trim();
    (!text.is_empty()).then(|| text.to_owned())
}
