//! Who reads a table.

use output::Table;
use wire::value::Value;

use super::text::{plain, printable, value};

/// Who reads what is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reader {
    /// Eyes, at a terminal of this width, where that is known.
    Terminal(Option<u16>),
    /// A file or a program, which is given every byte.
    Pipe,
}

impl Reader {
    /// Who reads stdout.
    pub(super) fn of_stdout() -> Self {
        if output::stdout_is_terminal() { Reader::Terminal(Table::fitting().width()) } else { Reader::Pipe }
    }

    /// What someone said, fit for this reader.
    pub(super) fn text(self, text: &str) -> String {
        match self {
            Reader::Terminal(_) => printable(text),
            Reader::Pipe => text.to_owned(),
        }
    }

    /// A value, fit for this reader.
    pub(super) fn value(self, of: &Value) -> String {
        match self {
            Reader::Terminal(_) => value(of),
            Reader::Pipe => plain(of),
        }
    }

    /// Whether a text of this width can stand in one line.
    pub(super) fn has_room(self, width: usize) -> bool {
        match self {
            Reader::Terminal(Some(room)) => width <= usize::from(room),
            Reader::Terminal(None) | Reader::Pipe => true,
        }
    }
}
