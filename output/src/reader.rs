//! Who reads what is printed, and so how it is made fit.

use clap::Args;
use console::Term;
use wire::document::text::{plain, printable, value};
use wire::value::Value;

use crate::screen::stdout_is_terminal;
use crate::table::text::width;

/// Who reads an answer. Commands with a table learn it from [`FullFlag::reader`] alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// A person at a terminal with so many columns; `None` where the terminal does not say.
    Terminal(Option<u16>),
    /// A person at a terminal who wants to see all of it.
    Full,
    /// A file or a program, which is given all of it, byte for byte.
    Pipe,
}

/// The flag of every command that shows a table, and the only way to learn who reads that.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct FullFlag {
    /// Show tables whole on a terminal too
    ///
    /// Without it, a table is as wide as the terminal at most: long texts are cut in the middle, where … stands, errors are
    /// wrapped, columns of less weight are left out, which a line below says, and where that is not enough, each
    /// cell has a line of its own. What goes to a pipe or a file is whole always.
    #[arg(long)]
    full: bool,
}

impl FullFlag {
    /// Who reads stdout.
    pub fn reader(self) -> Reader {
        match (stdout_is_terminal(), self.full) {
            (false, _) => Reader::Pipe,
            (true, true) => Reader::Full,
            (true, false) => Reader::Terminal(terminal_width()),
        }
    }
}

impl Reader {
    /// Whether what others wrote must be made fit for this reader, since it could steer a terminal.
    pub fn is_terminal(self) -> bool {
        self != Reader::Pipe
    }

    /// Whether this reader is given everything, however long that is.
    pub fn wants_all(self) -> bool {
        !matches!(self, Reader::Terminal(_))
    }

    /// What someone else wrote, fit for this reader.
    pub fn text(self, text: &str) -> String {
        if self.is_terminal() { printable(text) } else { text.to_owned() }
    }

    /// A value, fit for this reader.
    pub fn value(self, of: &Value) -> String {
        if self.is_terminal() { value(of) } else { plain(of) }
    }

    /// How many columns this reader has; `None` where they are not limited.
    pub fn columns(self) -> Option<usize> {
        match self {
            Reader::Terminal(columns) => columns.map(usize::from),
            Reader::Full | Reader::Pipe => None,
        }
    }

    /// Whether a line has room next to `beside` columns that are in use.
    pub fn has_room(self, beside: usize, line: &str) -> bool {
        self.columns().is_none_or(|room| beside + width(line) <= room)
    }
}

/// How many columns the terminal has; `None` where it does not say.
fn terminal_width() -> Option<u16> {
    let (_, width) = Term::stdout().size_checked()?;
    // A terminal whose size nobody set says that its size is zero, which is not a wish for one letter a line.
    (width >= MIN_WIDTH).then_some(width)
}

/// A terminal that says that it has fewer columns than this does not know its size.
const MIN_WIDTH: u16 = 20;
