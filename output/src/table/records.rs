//! A table in too little room for its columns: a line for each cell, `NAME: value`, and a blank line between rows.

use super::column::{Column, Kind};
use super::fitted::Fitted;
use super::text::{cut, width, wrapped};

/// The lines of one row. An empty cell has none.
pub(super) fn record(columns: &[Column], cells: &[Fitted], room: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for (column, cell) in columns.iter().zip(cells) {
        if cell.lines.iter().any(|line| !line.trim().is_empty()) {
            lines.extend(field(column, cell, room));
        }
    }
    lines
}

fn field(column: &Column, cell: &Fitted, room: usize) -> Vec<String> {
    if column.heading.is_empty() {
        return cell.lines.iter().map(|line| cell.styled(&cut(line, room))).collect();
    }
    let name = format!("{}: ", column.heading);
    // The name itself may be wider than the room, in which case not even a value without width stands beside it.
    let beside = room.checked_sub(width(&name));
    if let (Some(beside), [line]) = (beside, &cell.lines[..]) {
        let has_room = match column.kind {
            Kind::Cut { least, .. } => beside >= least.min(width(line)),
            Kind::Whole { .. } | Kind::Wrapped { .. } => beside >= width(line),
        };
        if has_room {
            return vec![format!("{name}{}", cell.styled(&cut(line, beside)))];
        }
    }
    let below = room.saturating_sub(INDENT.len());
    let fit = |line: &String| match column.kind {
        Kind::Wrapped { .. } => wrapped(line, below),
        Kind::Whole { .. } | Kind::Cut { .. } => vec![cut(line, below)],
    };
    let value = cell.lines.iter().flat_map(fit).map(|line| format!("{INDENT}{}", cell.styled(&line)));
    std::iter::once(cut(name.trim_end(), room)).chain(value).collect()
}

/// The indent of a value below its name, so that no line of a value looks like a name.
const INDENT: &str = "  ";
