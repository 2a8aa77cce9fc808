//! Texts of roles, parsed where they are read.

use serde::Deserialize;

use wire::targets::{Expression, Glob};

/// A glob on names of operators or on methods, as it was written.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Pattern {
    text: String,
    glob: Glob,
}

impl Pattern {
    /// Whether it matches the whole text.
    pub(crate) fn matches(&self, text: &str) -> bool {
        self.glob.matches(text)
    }

    /// The pattern as it was written.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }
}

impl TryFrom<String> for Pattern {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let fits = !text.is_empty() && text.is_ascii() && !text.contains(char::is_whitespace);
        match Glob::new(&text).filter(|_| fits) {
            Some(glob) => Ok(Self { text, glob }),
            None => Err(format!(
                "\"{}\" is not a pattern: write a name, with `*`, `?` and `[…]` in it where several are meant",
                wire::document::text::line(&text)
            )),
        }
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

/// The minions of a role.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Targets(Expression);

impl Targets {
    /// The expression.
    pub(crate) fn expression(&self) -> &Expression {
        &self.0
    }

    /// Whether it matches every minion there can be.
    pub(crate) fn is_everybody(&self) -> bool {
        self.0.as_str().trim() == "*"
    }
}

impl TryFrom<String> for Targets {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Expression::parse(&text).map(Self).map_err(|error| error.to_string())
    }
}

impl PartialEq for Targets {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}
