//! Rows under headings, for a terminal or for a pipe.

use output::{Cell, CellAlignment, Color, ColumnConstraint, Shown, Table, plain_rows};

use super::Reader;

/// How a column shares the room of a terminal.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Stays whole.
    Whole,
    /// Stays whole, flush right.
    Right,
    /// Is cut or wrapped where it must be.
    Long,
}

/// What stands in one place: text, and perhaps a colour.
pub(super) type Place = (String, Option<Color>);

/// Rows under headings.
pub(super) struct Grid {
    columns: Vec<(String, Kind)>,
    rows: Vec<(Vec<Place>, Option<usize>)>,
}

impl Grid {
    /// With these columns and no rows.
    pub(super) fn new(columns: impl IntoIterator<Item = (String, Kind)>) -> Self {
        Self { columns: columns.into_iter().collect(), rows: Vec::new() }
    }

    /// One more row, of at most so many lines on a terminal.
    pub(super) fn add(&mut self, places: Vec<Place>, max_height: Option<usize>) {
        self.rows.push((places, max_height));
    }

    /// As it is printed for this reader.
    pub(super) fn shown(self, reader: Reader) -> Shown {
        match reader {
            Reader::Terminal(width) => self.on_screen(Table::of_width(width)),
            Reader::Pipe => self.in_pipe(),
        }
    }

    fn on_screen(self, mut table: Table) -> Shown {
        table.set_truncation_indicator("…");
        table.set_header(self.columns.iter().map(|(heading, _)| heading));
        for (places, height) in self.rows {
            let cell = |(text, color): Place| match color {
                Some(color) => Cell::new(text).fg(color),
                None => Cell::new(text),
            };
            table.add_row(places.into_iter().map(cell), height);
        }
        for (column, (_, kind)) in table.column_iter_mut().zip(&self.columns) {
            column.set_padding((0, 2));
            if *kind != Kind::Long {
                column.set_constraint(ColumnConstraint::ContentWidth);
            }
            if *kind == Kind::Right {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        Shown::Screen(table.render())
    }

    fn in_pipe(self) -> Shown {
        let right: Vec<bool> = self.columns.iter().map(|(_, kind)| *kind == Kind::Right).collect();
        let mut rows = vec![self.columns.into_iter().map(|(heading, _)| heading).collect::<Vec<_>>()];
        rows.extend(
            self.rows.into_iter().map(|(places, _)| places.into_iter().map(|(text, _)| text).collect()),
        );
        Shown::Pipe(plain_rows(&rows, &right))
    }
}
