//! An answer for whoever reads it: styled and harmless on a terminal, byte for byte in a pipe.

use std::fmt::{self, Display};

use console::measure_text_width;

use crate::styled::Styled;

/// Text that has been made for one kind of reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// For a terminal.
    Screen(Styled),
    /// For a file or a program, with whatever others said as they said it.
    Pipe(String),
}

impl Shown {
    /// This, a blank line, and more for the same reader.
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

/// Rows for a pipe: columns as wide as what is in them, those in `right` flush right, and every cell byte for byte. What
/// follows the first line of a cell begins in its column.
pub fn plain_rows(rows: &[Vec<String>], right: &[bool]) -> String {
    let cells: Vec<Vec<Vec<&str>>> = rows
        .iter()
        .map(|row| row.iter().map(|cell| cell.trim_end_matches('\n').split('\n').collect()).collect())
        .collect();
    let columns = cells.iter().map(Vec::len).max().unwrap_or_default();
    let width_of = |column: usize| {
        let lines = cells.iter().filter_map(|row| row.get(column)).flatten();
        lines.map(|line| measure_text_width(line)).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..columns).map(width_of).collect();
    let mut text = Vec::new();
    for row in &cells {
        let height = row.iter().map(Vec::len).max().unwrap_or_default();
        text.extend((0..height).map(|line| plain_line(row, line, &widths, right)));
    }
    text.join("\n")
}

/// One line of a row, without room behind its last cell.
fn plain_line(row: &[Vec<&str>], line: usize, widths: &[usize], right: &[bool]) -> String {
    let (mut text, mut room) = (String::new(), 0);
    for (column, cell) in row.iter().enumerate() {
        let said = cell.get(line).copied().unwrap_or_default();
        let space = widths[column].saturating_sub(measure_text_width(said));
        let (before, after) = if right.get(column) == Some(&true) { (space, 0) } else { (0, space) };
        if said.is_empty() {
            room += space + GAP;
            continue;
        }
        text.push_str(&" ".repeat(room + before));
        text.push_str(said);
        room = after + GAP;
    }
    text
}

/// How far columns stand apart.
const GAP: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_keep_their_bytes_and_their_column() {
        let row = |cells: [&str; 3]| cells.map(str::to_owned).to_vec();
        let rows =
            [row(["A", "B", "C"]), row(["long", "1\n22", "x\ty\r\n\u{1b}[1mz\r\n"]), row(["s", "", ""])];
        let text = plain_rows(&rows, &[false, true, false]);
        assert_eq!(text, "A      B  C\nlong   1  x\ty\r\n      22  \u{1b}[1mz\r\ns");
    }
}
