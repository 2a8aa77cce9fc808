//! What a column holds, and so how much room it takes on a terminal.

/// A column of a table: its heading, and the least and the most room that it takes on a terminal. Widths are in
/// columns of the terminal.
#[derive(Clone, Debug)]
pub struct Column {
    pub(super) heading: String,
    pub(super) kind: Kind,
    pub(super) is_right: bool,
    pub(super) is_minor: bool,
    /// How many spaces stand between it and the next column.
    pub(super) gap: usize,
    /// The least width, whatever the column holds.
    pub(super) reserved: usize,
}

/// What becomes of a cell that has not enough room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The cell has the room that it needs, up to [`LONGEST_NAME`].
    Whole { lines: bool },
    /// The cell is cut in its middle. Where it has several lines, the first of them are cut and the others left
    /// out.
    Cut { least: usize, most: usize, lines: usize },
    /// The cell is wrapped between words.
    Wrapped { least: usize, most: usize },
}

impl Column {
    /// A column of names, ids, states, numbers or times, which are of no use in two pieces. It is as wide as its
    /// longest cell; a name longer than 40 may be cut.
    pub fn whole(heading: impl Into<String>) -> Self {
        Self::of(heading, Kind::Whole { lines: false })
    }

    /// A column of texts on one line, which are cut in the middle where they have not enough room. It takes
    /// between `least` and `most`.
    pub fn cut(heading: impl Into<String>, least: usize, most: usize) -> Self {
        Self::of(heading, Kind::Cut { least: least.max(LEAST), most, lines: 1 })
    }

    /// A column of texts that are to be read to their end, such as errors, which are wrapped between words. It
    /// takes between `least` and `most`.
    pub fn wrapped(heading: impl Into<String>, least: usize, most: usize) -> Self {
        Self::of(heading, Kind::Wrapped { least: least.max(LEAST), most })
    }

    fn of(heading: impl Into<String>, kind: Kind) -> Self {
        Self { heading: heading.into(), kind, is_right: false, is_minor: false, gap: GAP, reserved: 0 }
    }

    /// The column, to be left out where the terminal has no room for it.
    pub fn minor(self) -> Self {
        Self { is_minor: true, ..self }
    }

    /// The column with its cells flush right.
    pub fn right(self) -> Self {
        Self { is_right: true, ..self }
    }

    /// The column with lines that stay lines: at most `most` of them where the column is one that is cut.
    pub fn lines(self, most: usize) -> Self {
        let kind = match self.kind {
            Kind::Whole { .. } => Kind::Whole { lines: true },
            Kind::Cut { least, most: width, .. } => Kind::Cut { least, most: width, lines: most.max(2) },
            wrapped @ Kind::Wrapped { .. } => wrapped,
        };
        Self { kind, ..self }
    }

    /// The column at least so wide, for rows that are printed one by one and are to stand below each other.
    pub fn reserving(self, width: usize) -> Self {
        Self { reserved: width, ..self }
    }

    /// The column with so many spaces behind it, instead of two.
    pub fn gap(self, gap: usize) -> Self {
        Self { gap, ..self }
    }

    /// Whether a cell of several lines becomes one line, which nobody takes for another row.
    pub(super) fn is_one_line(&self) -> bool {
        matches!(self.kind, Kind::Whole { lines: false } | Kind::Cut { lines: 1, .. })
    }

    /// Keeps as many lines as the column allows, and says how many more there are.
    pub(super) fn limit(&self, lines: &mut Vec<String>) {
        let Kind::Cut { lines: most, .. } = self.kind else { return };
        if lines.len() > most {
            let more = lines.len() - (most - 1);
            lines.truncate(most - 1);
            lines.push(format!("… {more} more lines"));
        }
    }
}

/// The longest name that is never cut.
pub(super) const LONGEST_NAME: usize = 40;

/// No column that is cut or wrapped is narrower, unless all of its cells are.
const LEAST: usize = 8;

/// How many spaces stand between two columns.
const GAP: usize = 2;
