//! What a column holds, and so how much room it takes.

/// A column of a table: its heading, and the least and the most room that it takes on a terminal.
#[derive(Clone, Debug)]
pub struct Column {
    pub(super) heading: String,
    pub(super) kind: Kind,
    pub(super) is_right: bool,
    pub(super) is_minor: bool,
    /// How far the next column stands off.
    pub(super) gap: usize,
    /// The least width, whatever is in it.
    pub(super) reserved: usize,
}

/// What becomes of a cell that has not enough room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// It has its room, up to [`LONGEST_NAME`].
    Whole { lines: bool },
    /// It is cut in its middle, and where it has several lines, each of the first so many.
    Cut { least: usize, most: usize, lines: usize },
    /// It is wrapped between words.
    Wrapped { least: usize, most: usize },
}

impl Column {
    /// Names, ids, states, numbers, times: what is no use in two pieces. Its least width is that of its longest cell; a
    /// name longer than 40 may be cut.
    pub fn whole(heading: impl Into<String>) -> Self {
        Self::of(heading, Kind::Whole { lines: false })
    }

    /// Text on one line, which is cut in the middle where it has not enough room, with a least and a most width.
    pub fn cut(heading: impl Into<String>, least: usize, most: usize) -> Self {
        Self::of(heading, Kind::Cut { least: least.max(LEAST), most, lines: 1 })
    }

    /// Text to be read to its end, such as an error, which is wrapped between words; with a least and a most width.
    pub fn wrapped(heading: impl Into<String>, least: usize, most: usize) -> Self {
        Self::of(heading, Kind::Wrapped { least: least.max(LEAST), most })
    }

    fn of(heading: impl Into<String>, kind: Kind) -> Self {
        Self { heading: heading.into(), kind, is_right: false, is_minor: false, gap: GAP, reserved: 0 }
    }

    /// Left out where the terminal has no room for it.
    pub fn minor(self) -> Self {
        Self { is_minor: true, ..self }
    }

    /// Flush right.
    pub fn right(self) -> Self {
        Self { is_right: true, ..self }
    }

    /// With lines that stay lines: at most `most` of them where the column is one that is cut.
    pub fn lines(self, most: usize) -> Self {
        let kind = match self.kind {
            Kind::Whole { .. } => Kind::Whole { lines: true },
            Kind::Cut { least, most: width, .. } => Kind::Cut { least, most: width, lines: most.max(2) },
            wrapped @ Kind::Wrapped { .. } => wrapped,
        };
        Self { kind, ..self }
    }

    /// At least so wide, for rows that come one by one and stand below each other all the same.
    pub fn reserving(self, width: usize) -> Self {
        Self { reserved: width, ..self }
    }

    /// With so much room behind it, in the place of two spaces.
    pub fn gap(self, gap: usize) -> Self {
        Self { gap, ..self }
    }

    /// Whether a cell of several lines becomes one of one line, which nobody takes for another row.
    pub(super) fn is_one_line(&self) -> bool {
        matches!(self.kind, Kind::Whole { lines: false } | Kind::Cut { lines: 1, .. })
    }

    /// Keeps as many lines as there may be, and says how many more there are.
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

/// No column that is cut or wrapped is ever narrower, unless all that is in it is.
const LEAST: usize = 8;

/// How far columns stand apart.
const GAP: usize = 2;
