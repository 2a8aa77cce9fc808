//! An answer that was made for its reader: styled and harmless on a terminal, byte for byte in a pipe.

use std::fmt::{self, Display};

use crate::styled::Styled;

/// Text that has been made for one kind of reader. [`show`](crate::show) writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// For a terminal.
    Screen(Styled),
    /// For a file or a program, with what others wrote as they wrote it.
    Pipe(String),
}

impl Shown {
    /// This text, a blank line, and `more` for the same reader.
    pub fn and(self, more: Self) -> Self {
        match (self, more) {
            (Shown::Screen(first), Shown::Screen(more)) => {
                Shown::Screen(Styled::of_clean(format!("{}\n\n{}", first.with_styles(), more.with_styles())))
            }
            (first, more) => Shown::Pipe(format!("{first}\n\n{more}")),
        }
    }
}

impl Display for Shown {
    /// Without styles.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Shown::Screen(text) => text.fmt(f),
            Shown::Pipe(text) => f.write_str(text),
        }
    }
}
