//! Tables: aligned columns, no wider than the terminal, with colours in some cells.

use std::fmt::Display;

use comfy_table::presets;
pub use comfy_table::{CellAlignment, Color, Column, ColumnConstraint, ContentArrangement, Width};
use wire::text::printable;

use crate::styled::Styled;

/// A terminal that says that it is narrower than this does not know.
const MIN_WIDTH: u16 = 20;

/// Rows under a heading. What is in its cells cannot steer the terminal.
pub struct Table(comfy_table::Table);

/// What stands in one row and one column: any text, made fit, and perhaps a colour.
pub struct Cell(comfy_table::Cell);

impl Cell {
    /// A cell with this text.
    pub fn new(text: impl Display) -> Self {
        Self(comfy_table::Cell::new(printable(&text.to_string())))
    }

    /// In this colour.
    pub fn fg(self, color: Color) -> Self {
        Self(self.0.fg(color))
    }
}

impl Table {
    /// An empty table as wide as the terminal, if stdout is one.
    pub fn fitting() -> Self {
        let mut table = comfy_table::Table::new();
        // A terminal whose size nobody set says that it has none; that is not a wish for one letter a line.
        if table.width().is_some_and(|width| width < MIN_WIDTH) {
            table.force_no_tty();
        }
        Self::plain(table)
    }

    /// An empty table of this width, or as wide as its rows.
    pub fn of_width(width: Option<u16>) -> Self {
        let mut table = comfy_table::Table::new();
        table.force_no_tty();
        if let Some(width) = width {
            table.set_width(width);
        }
        Self::plain(table)
    }

    fn plain(mut table: comfy_table::Table) -> Self {
        table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
        // Colours are taken out where the text is written, and only there.
        table.enforce_styling().style_text_only();
        Self(table)
    }

    /// How wide it may be, where that is known.
    pub fn width(&self) -> Option<u16> {
        self.0.width()
    }

    /// What stands where a cell is cut.
    pub fn set_truncation_indicator(&mut self, indicator: &str) {
        self.0.set_truncation_indicator(indicator);
    }

    /// How room is shared between the columns.
    pub fn set_content_arrangement(&mut self, arrangement: ContentArrangement) {
        self.0.set_content_arrangement(arrangement);
    }

    /// The heading.
    pub fn set_header(&mut self, cells: impl IntoIterator<Item = impl Display>) {
        self.0.set_header(cells.into_iter().map(|cell| Cell::new(cell).0));
    }

    /// One more row, of at most so many lines.
    pub fn add_row(&mut self, cells: impl IntoIterator<Item = Cell>, max_height: Option<usize>) {
        let mut row = comfy_table::Row::from(cells.into_iter().map(|cell| cell.0).collect::<Vec<_>>());
        if let Some(height) = max_height {
            row.max_height(height);
        }
        self.0.add_row(row);
    }

    /// The columns, to be laid out.
    pub fn column_iter_mut(&mut self) -> impl Iterator<Item = &mut Column> {
        self.0.column_iter_mut()
    }

    /// One column, to be laid out.
    pub fn column_mut(&mut self, place: usize) -> Option<&mut Column> {
        self.0.column_mut(place)
    }

    /// The table as it is printed.
    pub fn render(&self) -> Styled {
        Styled::of_clean(self.0.trim_fmt())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_brings_no_styles_of_its_own() {
        let mut table = Table::of_width(None);
        let hostile = "\u{1b}[31mred\u{1b}]0;title\u{7}\u{202e}";
        table.add_row([Cell::new(hostile), Cell::new("ok").fg(Color::Green)], None);
        let shown = table.render();
        assert_eq!(shown.with_styles().matches('\u{1b}').count(), 2, "{shown:?}");
        assert!(shown.to_string().contains("[31mred ]0;title "), "{shown:?}");
    }
}
