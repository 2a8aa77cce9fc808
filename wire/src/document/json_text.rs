//! JSON on one line in which no character can steer a terminal or deceive its reader.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::Formatter;

use crate::document::text::is_deceptive;

/// Writes a document as JSON text on one line. Control characters, also those beyond ASCII, marks of direction,
/// and what cannot be seen are escaped in its strings and keys, so that it is the same document for a program and
/// harmless on a screen.
///
/// # Errors
/// Where the document has something that JSON cannot hold, as a map whose keys are no strings.
pub fn json_text(document: &impl Serialize) -> serde_json::Result<String> {
    let mut text = Vec::new();
    document.serialize(&mut serde_json::Serializer::with_formatter(&mut text, Escaping))?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// Writes compact JSON, and escapes more than JSON asks for.
struct Escaping;

impl Formatter for Escaping {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(at) = rest.find(is_deceptive) {
            writer.write_all(&rest.as_bytes()[..at])?;
            let Some(c) = rest[at..].chars().next() else { break };
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
            rest = &rest[at + c.len_utf8()..];
        }
        writer.write_all(rest.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn what_is_not_for_eyes_is_escaped_in_strings_and_in_keys() {
        let document = json!({ "a\u{9b}": ["\u{1b}[2J\u{7f}\u{202e}\u{2028}\u{feff}\u{e0041}é\"\n"] });
        let text = json_text(&document).expect("JSON");
        let expected = r#"{"a\u009b":["\u001b[2J\u007f\u202e\u2028\ufeff\udb40\udc41é\"\n"]}"#;
        assert_eq!(text, expected);
    }

    proptest! {
        #[test]
        fn every_document_stays_the_same_and_shows_nothing_but_text(key in any::<String>(), text in any::<String>()) {
            let document = json!({ key: text, "n": [1.5, null, true, i64::MIN] });
            let shown = json_text(&document).expect("JSON");
            prop_assert!(!shown.contains(is_deceptive), "{shown:?}");
            prop_assert_eq!(serde_json::from_str::<Value>(&shown).expect("JSON"), document);
        }
    }
}
