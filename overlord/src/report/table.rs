//! A job as a table: one row a minion, errors in the last column.

use output::{Cell, Column, Reader, Shown, Table, width};
use wire::message::job::MinionState;
use wire::message::operator::{JobDocument, Part};
use wire::message::outcome::Outcome;

use super::line::{Line, lines, lines_alone, would};
use super::{absence, together, whole};
use wire::document::text::{counted, since};

/// How wide "out of touch" is.
const LONGEST_OUTCOME: usize = 12;

/// How wide the longest span of time is: "59m 59s".
const LONGEST_TIME: usize = 7;

/// The most lines of one value that a terminal is given.
const MAX_LINES: usize = 20;

/// The parts of a job as a table, in the order of the document, where many that say the same are one row.
///
/// On a terminal it is no wider than that: a value that does not fit is cut, an error is wrapped. Elsewhere every row is
/// as long as it is, and every byte as it was said. The value of a job on one minion is whole everywhere: what does not fit
/// into its row, and what has fields, stands below it. On a terminal so do the records that several minions answered with.
pub fn table(document: &JobDocument, reader: Reader) -> Shown {
    if let [part] = &document.parts[..]
        && let Some(shown) = alone(part, reader)
    {
        return shown;
    }
    let apart = || outcomes(&document.parts, reader).shown(reader);
    together::table(&document.parts, reader).unwrap_or_else(apart)
}

/// One part of a job as a row that stands by itself, for outcomes that are shown as they come in; `names` is
/// how wide the longest name of the job is.
pub fn row(part: &Part, names: usize, reader: Reader) -> Shown {
    lone_row(part, names, reader).shown(reader)
}

/// One line about a whole job: how many minions, the outcomes, the job's id, and how long it took.
pub fn closing(document: &JobDocument) -> String {
    let mut counts: Vec<String> =
        document.counts().iter().map(|(outcome, count)| format!("{count} {outcome}")).collect();
    let open = document.parts.iter().filter(|part| part.state.and_then(MinionState::outcome).is_none());
    let (away, here): (Vec<_>, Vec<_>) = open.partition(|part| part.absence.is_some());
    for (open, what) in [(here, "not done"), (away, absence::OUT_OF_TOUCH)] {
        if !open.is_empty() {
            counts.push(format!("{} {what}", open.len()));
        }
    }
    let took = match document.ended_at {
        Some(ended) => since(document.accepted_at, ended),
        None => document.state.to_string(),
    };
    let minions = counted(document.parts.len(), "minion");
    format!("{minions}: {} · job {} · {took}", counts.join(", "), document.job)
}

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

/// The only part of a job with its value below it, where that is no short text.
fn alone(part: &Part, reader: Reader) -> Option<Shown> {
    let Outcome::Ok(Some(value)) = &part.report.as_ref()?.outcome else { return None };
    let line = Line::of(part, reader);
    let cells = [("MINION", line.names(reader)), ("OUTCOME", line.outcome.to_owned()), ("TIME", line.time())];
    let beside = cells.iter().map(|(heading, cell)| width(heading).max(width(cell)) + 2).sum();
    let value = whole::below(value, beside, reader)?;
    let shown = result(part, reader).shown(reader).and(value);
    match would(part) {
        effects if effects.is_empty() => Some(shown),
        effects => Some(shown.and(whole::shown(effects.join("\n"), reader))),
    }
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

#[cfg(test)]
mod tests;
