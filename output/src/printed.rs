//! What can be printed, each kind of thing in the form that is safe for it.

use std::{fmt, io};

use serde_json::Value;
use wire::document::json_text::json_text;

use crate::styled::Styled;

/// Something that can be an answer: text, a table, or a document.
pub trait Printed {
    /// The thing as it is printed.
    ///
    /// # Errors
    /// Where a document cannot be written as JSON.
    fn printed(&self) -> io::Result<Styled>;
}

impl Printed for str {
    fn printed(&self) -> io::Result<Styled> {
        Ok(Styled::text(self))
    }
}

impl Printed for String {
    fn printed(&self) -> io::Result<Styled> {
        self.as_str().printed()
    }
}

impl Printed for fmt::Arguments<'_> {
    fn printed(&self) -> io::Result<Styled> {
        Ok(Styled::text(self))
    }
}

impl Printed for Styled {
    fn printed(&self) -> io::Result<Styled> {
        Ok(self.clone())
    }
}

/// A document is printed on one line. For a program it is the same document; what would steer a terminal is
/// escaped.
impl Printed for Value {
    fn printed(&self) -> io::Result<Styled> {
        Ok(Styled::text(json_text(self)?))
    }
}

impl<T: Printed + ?Sized> Printed for &T {
    fn printed(&self) -> io::Result<Styled> {
        (**self).printed()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_document_is_the_same_for_a_program_and_harmless_on_a_screen() {
        let document = json!({ "reason\u{9b}": "\u{1b}]0;x\u{7}\u{202e}\u{2028}" });
        let printed = document.printed().expect("JSON").to_string();
        assert_eq!(printed, r#"{"reason\u009b":"\u001b]0;x\u0007\u202e\u2028"}"#);
        assert_eq!(serde_json::from_str::<Value>(&printed).expect("JSON"), document);
    }
}
