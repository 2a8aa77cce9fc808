//! An entry, as it is written.

use machine::clock::{now_ms, rfc3339};
use serde_json::{Value, json};
use wire::document::json_text::json_text;

/// An entry with its time, on one line that is harmless on a screen.
pub fn entry(said: Value) -> String {
    let mut timed = json!({ "time": rfc3339(now_ms()) });
    if let (Value::Object(timed), Value::Object(said)) = (&mut timed, said) {
        timed.extend(said);
    }
    // What is a JSON value already can always be written as text.
    json_text(&timed).unwrap_or_else(|_| timed.to_string())
}
