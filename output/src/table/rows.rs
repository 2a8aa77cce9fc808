//! A table as rows under headings.

use super::column::{Column, Kind};
use super::fitted::Fitted;
use super::text::{cut, width, wrapped};

/// The cells in columns of these widths, cut or wrapped as their columns say.
pub(super) fn cut_to(
    columns: &[Column],
    rows: Vec<Vec<Fitted>>,
    widths: &[Option<usize>],
) -> Vec<Vec<Fitted>> {
    let one = |((column, cell), width): ((&Column, Fitted), &Option<usize>)| match width {
        Some(width) => Fitted { lines: in_column(column, cell.lines, *width), ..cell },
        None => cell,
    };
    let fit = |row: Vec<Fitted>| columns.iter().zip(row).zip(widths).map(one).collect();
    rows.into_iter().map(fit).collect()
}

fn in_column(column: &Column, lines: Vec<String>, width: usize) -> Vec<String> {
    match column.kind {
        Kind::Wrapped { .. } => lines.iter().flat_map(|line| wrapped(line, width)).collect(),
        Kind::Whole { .. } | Kind::Cut { .. } => lines.iter().map(|line| cut(line, width)).collect(),
    }
}

/// The lines of the whole table. A column without a width is left out.
pub(super) fn lines(
    columns: &[Column],
    has_heading: bool,
    rows: Vec<Vec<Fitted>>,
    widths: &[Option<usize>],
) -> Vec<String> {
    let heading = |(column, width): (&Column, &Option<usize>)| {
        let heading = width.map_or_else(String::new, |width| cut(&column.heading, width));
        Fitted { lines: vec![heading], color: None }
    };
    let heading: Vec<Fitted> = columns.iter().zip(widths).map(heading).collect();
    let all = has_heading.then_some(heading).into_iter().chain(rows);
    all.flat_map(|row| row_lines(columns, &row, widths)).collect()
}

fn row_lines(columns: &[Column], row: &[Fitted], widths: &[Option<usize>]) -> Vec<String> {
    let shown = row.iter().zip(widths).filter(|(_, width)| width.is_some());
    let height = shown.map(|(cell, _)| cell.lines.len()).max().unwrap_or_default();
    (0..height).map(|place| row_line(columns, row, widths, place)).collect()
}

/// One line of a row, without room behind its last cell.
fn row_line(columns: &[Column], row: &[Fitted], widths: &[Option<usize>], place: usize) -> String {
    let (mut text, mut room) = (String::new(), 0);
    for ((column, cell), wide) in columns.iter().zip(row).zip(widths) {
        let Some(wide) = wide else { continue };
        let said = cell.lines.get(place).map(String::as_str).unwrap_or_default();
        let space = wide.saturating_sub(width(said));
        let (before, after) = if column.is_right { (space, 0) } else { (0, space) };
        if said.is_empty() {
            room += space + column.gap;
            continue;
        }
        text.push_str(&" ".repeat(room + before));
        text.push_str(&cell.styled(said));
        room = after + column.gap;
    }
    text
}
