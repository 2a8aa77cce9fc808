//! How the parts of a job went, as rows: the tables that all answers stand in or above.

use output::{Cell, Column, Reader, Table};
use wire::message::operator::Part;

use super::line::{Line, lines, lines_alone};

/// Parts as rows, of which many that say the same are one.
pub(super) fn outcomes(parts: &[Part], reader: Reader) -> Table {
    let lines = lines(parts, reader);
    // A column that would be empty takes room from the others.
    let all_fine = lines.iter().all(|line| line.error.is_empty());
    let with_values = all_fine || lines.iter().any(|line| !line.value.is_empty());
    rows(lines, with_values, reader)
}

/// How the parts went, without what was answered.
pub(super) fn outcomes_alone(parts: &[Part], reader: Reader) -> Table {
    rows(lines_alone(parts, reader), false, reader)
}

fn rows(lines: Vec<Line>, with_values: bool, reader: Reader) -> Table {
    let with_errors = lines.iter().any(|line| !line.error.is_empty());
    // One name, or how many minions there are and below that their names in short.
    let mut columns = vec![Column::whole("MINION").lines(usize::MAX), Column::whole("OUTCOME")];
    columns.extend(with_values.then(|| Column::cut("VALUE", 12, usize::MAX).lines(MAX_LINES)));
    columns.push(Column::whole("TIME").right());
    columns.extend(with_errors.then(|| Column::wrapped("ERROR", 16, usize::MAX)));
    let row = |line: Line| {
        let mut cells = vec![Cell::new(line.names(reader)), Cell::new(line.outcome).fg(line.color)];
        let time = line.time();
        cells.extend(with_values.then_some(Cell::new(line.value)));
        cells.push(Cell::new(time));
        cells.extend(with_errors.then_some(Cell::new(line.error).fg(line.color)));
        cells
    };
    Table::new(columns).verbatim().with(lines.into_iter().map(row))
}

/// How the only part of a job went, where its value stands below.
pub(super) fn result(part: &Part, reader: Reader) -> Table {
    let line = Line::of(part, reader);
    let columns = [Column::whole("MINION"), Column::whole("OUTCOME"), Column::whole("TIME").right()];
    let outcome = Cell::new(line.outcome).fg(line.color);
    Table::new(columns).verbatim().with([[Cell::new(line.names(reader)), outcome, Cell::new(line.time())]])
}

/// A part as a table of its own, with the value or the error last.
pub(super) fn lone_row(part: &Part, names: usize, reader: Reader) -> Table {
    let line = Line::of(part, reader);
    let (minion, time, color) = (line.names(reader), line.time(), line.color);
    let text =
        [line.value, line.error].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n");
    let columns = [
        Column::whole("MINION").reserving(names),
        Column::whole("OUTCOME").reserving(LONGEST_OUTCOME),
        Column::whole("TIME").right().reserving(LONGEST_TIME),
        Column::wrapped("SAID", 16, usize::MAX),
    ];
    let row = [Cell::new(minion), Cell::new(line.outcome).fg(color), Cell::new(time), Cell::new(text)];
    Table::new(columns).without_heading().verbatim().with([row])
}

/// How wide "out of touch" is.
const LONGEST_OUTCOME: usize = 12;

/// How wide the longest span of time is: "59m 59s".
const LONGEST_TIME: usize = 7;

/// The most lines of one value that a terminal is given.
pub(super) const MAX_LINES: usize = 20;
