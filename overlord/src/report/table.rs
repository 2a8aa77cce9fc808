//! A job as a table: one row a minion, errors in the last column.

use output::{Cell, CellAlignment, ColumnConstraint, Shown, Table, Width, plain_rows};
use wire::job::MinionState;
use wire::operator::{JobDocument, Part};
use wire::outcome::Outcome;

use super::grid::{Grid, Kind};
use super::line::{Line, lines, would};
use super::text::{counted, since};
use super::{Reader, absence, whole};

/// How wide "out of touch" is.
const LONGEST_OUTCOME: u16 = 12;

/// How wide the longest span of time is: "59m 59s".
const LONGEST_TIME: u16 = 7;

/// The most lines of one value that a terminal is given.
const MAX_LINES: usize = 20;

/// The parts of a job as a table, in the order of the document, where many that say the same are one row.
///
/// On a terminal it is no wider than that: a value that does not fit is cut and ends in `…`, an error is
/// wrapped. Elsewhere every row is as long as it is, and every byte as it was said. The value of a job on one minion is
/// whole everywhere: what does not fit into its row, and what has fields, stands below it.
pub fn table(document: &JobDocument) -> Shown {
    render(document, Reader::of_stdout())
}

/// One part of a job as a row that stands by itself, for outcomes that are shown as they come in; `names` is
/// how wide the longest name of the job is.
pub fn row(part: &Part, names: usize) -> Shown {
    lone_row(part, names, Reader::of_stdout())
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

fn render(document: &JobDocument, reader: Reader) -> Shown {
    if let [part] = &document.parts[..]
        && let Some(shown) = alone(part, reader)
    {
        return shown;
    }
    rows(lines(&document.parts, reader), reader)
}

fn rows(lines: Vec<Line>, reader: Reader) -> Shown {
    let with_errors = lines.iter().any(|line| !line.error.is_empty());
    // A column that would be empty takes room from the others.
    let with_values = !with_errors || lines.iter().any(|line| !line.value.is_empty());
    let mut columns = vec![("MINION", Kind::Whole), ("OUTCOME", Kind::Whole)];
    columns.extend(with_values.then_some(("VALUE", Kind::Long)));
    columns.push(("TIME", Kind::Right));
    columns.extend(with_errors.then_some(("ERROR", Kind::Long)));
    let mut grid = Grid::new(columns.into_iter().map(|(heading, kind)| (heading.to_owned(), kind)));
    for line in lines {
        let (names, time) = (line.names(reader), line.time());
        // A terminal is not flooded with a value, and has an error to its end.
        let height = line.value.lines().count().min(MAX_LINES).max(names.lines().count());
        let height = line.error.is_empty().then_some(height);
        let mut places = vec![(names, None), (line.outcome.to_owned(), Some(line.color))];
        places.extend(with_values.then_some((line.value, None)));
        places.push((time, None));
        places.extend((with_errors && !line.error.is_empty()).then_some((line.error, Some(line.color))));
        grid.add(places, height);
    }
    grid.shown(reader)
}

/// The only part of a job with its value below it, where that is no short text.
fn alone(part: &Part, reader: Reader) -> Option<Shown> {
    let Outcome::Ok(Some(value)) = &part.report.as_ref()?.outcome else { return None };
    let line = Line::of(part, reader);
    let outcome = line.outcome.len().max("OUTCOME".len());
    let beside = line.names(reader).len().max("MINION".len()) + outcome + line.time().chars().count() + 6;
    let value = whole::below(value, beside, reader)?;
    let columns = [("MINION", Kind::Whole), ("OUTCOME", Kind::Whole), ("TIME", Kind::Right)];
    let mut grid = Grid::new(columns.map(|(heading, kind)| (heading.to_owned(), kind)));
    let outcome = (line.outcome.to_owned(), Some(line.color));
    grid.add(vec![(line.names(reader), None), outcome, (line.time(), None)], None);
    let shown = grid.shown(reader).and(value);
    match would(part) {
        effects if effects.is_empty() => Some(shown),
        effects => Some(shown.and(whole::shown(effects.join("\n"), reader))),
    }
}

fn lone_row(part: &Part, names: usize, reader: Reader) -> Shown {
    let line = Line::of(part, reader);
    let (minion, time, color) = (line.names(reader), line.time(), line.color);
    let text =
        [line.value, line.error].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n");
    let Reader::Terminal(width) = reader else {
        let outcome = format!("{:<1$}", line.outcome, usize::from(LONGEST_OUTCOME));
        let time = format!("{time:>0$}", usize::from(LONGEST_TIME));
        return Shown::Pipe(plain_rows(&[vec![format!("{minion:<names$}"), outcome, time, text]], &[]));
    };
    let mut table = Table::of_width(width);
    let outcome = Cell::new(line.outcome).fg(color);
    table.add_row([Cell::new(minion), outcome, Cell::new(time), Cell::new(text)], None);
    let longest_name = u16::try_from(names).unwrap_or(u16::MAX);
    for (column, width) in table.column_iter_mut().zip([longest_name, LONGEST_OUTCOME, LONGEST_TIME]) {
        column.set_padding((0, 2)).set_constraint(ColumnConstraint::Absolute(Width::Fixed(width + 2)));
    }
    if let Some(column) = table.column_mut(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    if let Some(column) = table.column_mut(3) {
        column.set_padding((0, 0));
    }
    Shown::Screen(table.render())
}

#[cfg(test)]
mod tests;
