//! The cells of a table, made fit for who reads it.

use anstyle::AnsiColor as Color;

/// A cell as its reader may see it.
pub(super) struct Fitted {
    pub(super) lines: Vec<String>,
    pub(super) color: Option<Color>,
}

impl Fitted {
    /// A line of the cell in its colour.
    pub(super) fn styled(&self, line: &str) -> String {
        match self.color {
            Some(color) if !line.is_empty() => {
                let style = color.on_default();
                format!("{style}{line}{style:#}")
            }
            _ => line.to_owned(),
        }
    }
}
