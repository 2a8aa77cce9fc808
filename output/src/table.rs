//! Tables: one layout for every table of both programs.
//!
//! On a terminal no line of a table is wider than the terminal. Each column says what it holds ([`Column`]), and
//! so which room it needs. Where the columns have no room at their least widths, minor ones are left out, which a
//! line below the table says; where that is not enough, every row is a few lines, `NAME: value`, with all columns.
//! A pipe is given all of the table, and so is a terminal with `--full`.

mod column;
mod fitted;
mod layout;
mod records;
mod rows;
pub(crate) mod text;

use std::fmt::Display;
use std::panic::Location;

pub use anstyle::AnsiColor as Color;
use wire::document::text::{line, printable};

pub use self::column::Column;
use self::fitted::Fitted;
use self::layout::{Content, Layout, layout, unlimited};
use self::records::record;
use self::rows::{cut_to, lines};
pub use self::text::width;
use self::text::{cut, longest_word, wrapped};
use crate::reader::Reader;
use crate::shown::Shown;
use crate::styled::Styled;

/// Rows under headings. Any text may stand in a cell: it is made fit when the table is shown.
#[derive(Clone, Debug)]
pub struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
    has_heading: bool,
    is_verbatim: bool,
    margin: usize,
    title: Option<String>,
    made_at: &'static Location<'static>,
}

/// What stands in one row and one column: a text, and perhaps a colour.
#[derive(Clone, Debug)]
pub struct Cell {
    text: String,
    color: Option<Color>,
}

impl Cell {
    /// A cell with this text.
    pub fn new(text: impl Display) -> Self {
        Self { text: text.to_string(), color: None }
    }

    /// The cell in this colour, on a terminal.
    pub fn fg(self, color: Color) -> Self {
        Self { color: Some(color), ..self }
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self { text, color: None }
    }
}

impl Table {
    /// An empty table of these columns.
    #[track_caller]
    pub fn new(columns: impl IntoIterator<Item = Column>) -> Self {
        Self {
            columns: columns.into_iter().collect(),
            rows: Vec::new(),
            has_heading: true,
            is_verbatim: false,
            margin: 0,
            title: None,
            made_at: Location::caller(),
        }
    }

    /// The table with these rows added, each with a cell for each column.
    pub fn with<C: Into<Cell>>(
        mut self,
        rows: impl IntoIterator<Item = impl IntoIterator<Item = C>>,
    ) -> Self {
        for row in rows {
            self.add(row);
        }
        self
    }

    /// Adds one row, with a cell for each column.
    pub fn add<C: Into<Cell>>(&mut self, cells: impl IntoIterator<Item = C>) {
        self.rows.push(cells.into_iter().map(Into::into).collect());
    }

    /// The table without its headings, for rows that are printed one by one.
    pub fn without_heading(self) -> Self {
        Self { has_heading: false, ..self }
    }

    /// The table with every byte of its cells as it was written, in a pipe.
    pub fn verbatim(self) -> Self {
        Self { is_verbatim: true, ..self }
    }

    /// The table with so many spaces before each line, on a terminal, so that none of it looks like a row of
    /// another table.
    pub fn set_off(self, margin: usize) -> Self {
        Self { margin, ..self }
    }

    /// The table under a line that says what it is, on a terminal: for one of several tables.
    pub fn titled(self, title: impl Into<String>) -> Self {
        Self { title: Some(title.into()), ..self }
    }

    /// The place in the sources at which the table is made, for tests that must not miss one.
    pub fn made_at(&self) -> &'static Location<'static> {
        self.made_at
    }

    /// Whether this reader is shown all of the table, with nothing cut, wrapped or left out.
    pub fn fits(&self, reader: Reader) -> bool {
        let contents = self.contents(&self.fitted(reader));
        let gaps: usize = self.columns.iter().rev().skip(1).map(|column| column.gap).sum();
        let all = self.margin + gaps + contents.iter().map(|content| content.widest).sum::<usize>();
        reader.columns().is_none_or(|room| all <= room)
    }

    /// The table as it is printed for this reader.
    pub fn shown(&self, reader: Reader) -> Shown {
        let rows = self.fitted(reader);
        let contents = self.contents(&rows);
        let margin = if reader.is_terminal() { self.margin } else { 0 };
        let room = reader.columns().map(|columns| columns.saturating_sub(margin));
        let layout = match reader {
            Reader::Terminal(_) if self.rows.is_empty() => layout(&self.all_minor(), &contents, room),
            Reader::Terminal(_) => layout(&self.columns, &contents, room),
            Reader::Full | Reader::Pipe => unlimited(&contents),
        };
        let lines = match layout {
            Layout::Rows(widths) if reader.wants_all() => {
                lines(&self.columns, self.has_heading, rows, &widths)
            }
            Layout::Rows(widths) => {
                let mut lines =
                    lines(&self.columns, self.has_heading, cut_to(&self.columns, rows, &widths), &widths);
                lines.extend(self.left_out(&widths, room));
                lines
            }
            Layout::Records => self.records(&rows, room.unwrap_or(usize::MAX)),
        };
        let title = self.title.iter().filter(|_| reader.is_terminal());
        let title = title.map(|title| cut(&line(title), room.unwrap_or(usize::MAX)));
        let lines = title.chain(lines);
        let margin = " ".repeat(margin);
        let line = |line: String| if line.is_empty() { line } else { format!("{margin}{line}") };
        let text = lines.map(line).collect::<Vec<_>>().join("\n");
        match reader {
            Reader::Pipe if self.is_verbatim => Shown::Pipe(text),
            _ => Shown::Screen(Styled::of_clean(text)),
        }
    }

    /// The columns of a table without rows, all of which may be left out.
    fn all_minor(&self) -> Vec<Column> {
        self.columns.iter().cloned().map(Column::minor).collect()
    }

    /// The cells as lines, made fit for the reader and not yet for its room.
    fn fitted(&self, reader: Reader) -> Vec<Vec<Fitted>> {
        let raw = self.is_verbatim && reader == Reader::Pipe;
        let one = |(column, cell): (&Column, &Cell)| {
            let text = match raw {
                true => cell.text.trim_end_matches('\n').to_owned(),
                false if column.is_one_line() => line(&cell.text),
                false => printable(&cell.text),
            };
            let end = |line: &str| if raw { line.len() } else { line.trim_end().len() };
            let mut lines: Vec<String> = text.split('\n').map(|line| line[..end(line)].to_owned()).collect();
            if !reader.wants_all() {
                column.limit(&mut lines);
            }
            Fitted { lines, color: cell.color.filter(|_| !raw) }
        };
        self.rows.iter().map(|row| self.columns.iter().zip(row).map(one).collect()).collect()
    }

    /// How wide the content of each column is.
    fn contents(&self, rows: &[Vec<Fitted>]) -> Vec<Content> {
        let heading = |column: &Column| match self.has_heading {
            true => Content { widest: width(&column.heading).max(column.reserved), word: 0 },
            false => Content { widest: column.reserved, word: 0 },
        };
        let mut contents: Vec<Content> = self.columns.iter().map(heading).collect();
        for row in rows {
            for (content, cell) in contents.iter_mut().zip(row) {
                for line in &cell.lines {
                    content.widest = content.widest.max(width(line));
                    content.word = content.word.max(longest_word(line));
                }
            }
        }
        contents
    }

    /// The lines that say which columns are left out; none where all are there.
    fn left_out(&self, widths: &[Option<usize>], room: Option<usize>) -> Vec<String> {
        let missing = self.columns.iter().zip(widths).filter(|(_, width)| width.is_none());
        let missing: Vec<&str> = missing.map(|(column, _)| column.heading.as_str()).collect();
        if missing.is_empty() || self.rows.is_empty() {
            return Vec::new();
        }
        wrapped(&format!("(no room for {}: see --full)", missing.join(", ")), room.unwrap_or(usize::MAX))
    }

    /// A line for each cell, and a blank line between rows.
    fn records(&self, rows: &[Vec<Fitted>], room: usize) -> Vec<String> {
        let records = rows.iter().map(|row| record(&self.columns, row, room));
        let mut lines = Vec::new();
        for record in records {
            if !lines.is_empty() {
                lines.push(String::new());
            }
            lines.extend(record);
        }
        lines
    }
}

#[cfg(test)]
mod tests;
