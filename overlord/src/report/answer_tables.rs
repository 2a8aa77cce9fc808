//! What minions answered, all of it: records as columns, lists of records as rows, anything else as text.

use output::{Column, Reader, Shown, Styled, Table, width};
use wire::value::Value;
use wire::value::json::to_json;

use super::cells::{cell, heading, is_number, time};

/// The value of one minion as it stands below the row of that; `None` where it fits into the row, beside so many other
/// characters.
pub(super) fn below(value: &Value, beside: usize, reader: Reader) -> Option<Shown> {
    if let Value::Option(Some(inner)) = value {
        return below(inner, beside, reader);
    }
    if let Some(tables) = tables(&[(None, value)], reader).map(|tables| joined(&tables, reader)) {
        return tables;
    }
    let text = cell("", value, reader);
    if !text.trim_end_matches(['\r', '\n']).contains('\n') && reader.has_room(beside, &text) {
        return None;
    }
    let below = match value {
        Value::String(_) => None,
        Value::List(values) if reader.is_terminal() && values.iter().all(is_text) => {
            let lines = values.iter().map(|value| reader.value(value)).collect::<Vec<_>>();
            Some(lines.join("\n"))
        }
        _ => serde_json::to_string_pretty(&to_json(value)).ok(),
    };
    Some(shown(reader.text(&below.unwrap_or(text)), reader))
}

fn is_text(value: &Value) -> bool {
    matches!(value, Value::String(_))
}

/// Tables below each other.
pub(super) fn joined(tables: &[Table], reader: Reader) -> Option<Shown> {
    tables.iter().map(|table| table.shown(reader)).reduce(Shown::and)
}

/// Answers that are records, or lists of them, as tables, each with the names of those that gave it. The lists in a single
/// record are tables of their own. `None` where there is nothing to show, or one of them is anything else.
pub(super) fn tables(answers: &[(Option<&str>, &Value)], reader: Reader) -> Option<Vec<Table>> {
    let (mut rows, mut is_list) = (Vec::new(), false);
    for (minion, answer) in answers {
        match behind(answer) {
            Value::List(values) => {
                is_list = true;
                for value in values {
                    rows.push(Row { minion: *minion, fields: record(value)? });
                }
            }
            one => rows.push(Row { minion: *minion, fields: record(one)? }),
        }
    }
    if rows.is_empty() || !of_one_type(&rows) {
        return None;
    }
    if is_list || !reader.is_terminal() {
        return Some(vec![records(&rows, is_list, reader)]);
    }
    let lists = lists(&rows);
    for row in &mut rows {
        row.fields.retain(|(name, _)| lists.iter().all(|(list, _)| list != name));
    }
    let titled = |(name, rows): &(&str, Vec<Row<'_>>)| records(rows, true, reader).titled(format!("{name}:"));
    let first = rows.iter().any(|row| !row.fields.is_empty()).then(|| records(&rows, false, reader));
    Some(first.into_iter().chain(lists.iter().map(titled)).collect())
}

/// One record, and who answered with it.
struct Row<'a> {
    minion: Option<&'a str>,
    fields: Vec<(&'a str, &'a Value)>,
}

/// What is behind `some`.
pub(super) fn behind(value: &Value) -> &Value {
    match value {
        Value::Option(Some(inner)) => behind(inner),
        other => other,
    }
}

fn record(value: &Value) -> Option<Vec<(&str, &Value)>> {
    match value {
        Value::Record(fields) if !fields.is_empty() => {
            Some(fields.iter().map(|(name, value)| (name.as_str(), value)).collect())
        }
        _ => None,
    }
}

fn of_one_type(rows: &[Row<'_>]) -> bool {
    let is_same = |(one, next): (&Row<'_>, &Row<'_>)| {
        one.fields.iter().map(|(name, _)| name).eq(next.fields.iter().map(|(name, _)| name))
    };
    rows.iter().zip(rows.iter().skip(1)).all(is_same)
}

/// The fields that are lists of records in all rows, with those.
fn lists<'a>(rows: &[Row<'a>]) -> Vec<(&'a str, Vec<Row<'a>>)> {
    let names = rows.first().map(|row| row.fields.iter().map(|(name, _)| *name)).into_iter().flatten();
    let of = |name: &'a str| {
        let mut inner = Vec::new();
        for row in rows {
            let value = row.fields.iter().find(|(other, _)| *other == name).map(|(_, value)| behind(value));
            let Some(Value::List(values)) = value else { return None };
            for value in values {
                inner.push(Row {
                    minion: row.minion,
                    fields: record(value).filter(|_| time(value).is_none())?,
                });
            }
        }
        (!inner.is_empty() && of_one_type(&inner)).then_some((name, inner))
    };
    names.filter_map(of).collect()
}

/// Rows under headings. A single record that is too wide for that has a line for each field.
fn records(rows: &[Row<'_>], is_list: bool, reader: Reader) -> Table {
    let flat = flattened(rows, reader);
    let table = many(&flat, reader);
    match &flat[..] {
        [row] if !is_list && row.minion.is_none() && !table.fits(reader) => {
            let columns = [Column::whole("FIELD"), Column::wrapped("VALUE", 16, usize::MAX)];
            let rows = row.fields.iter().map(|(name, value)| [reader.text(name), cell(name, value, reader)]);
            Table::new(columns).verbatim().set_off(MARGIN).with(rows)
        }
        _ => table,
    }
}

/// Rows in which records of many fields are not in a cell: their fields have columns of their own.
fn flattened<'a>(rows: &[Row<'a>], reader: Reader) -> Vec<Row<'a>> {
    let inner = |value: &'a Value| {
        record(value)
            .filter(|fields| reader.is_terminal() && fields.len() >= MANY_FIELDS && time(value).is_none())
    };
    let Some(first) = rows.first() else { return Vec::new() };
    let opened: Vec<bool> = (0..first.fields.len())
        .map(|place| {
            let fields = rows.iter().map(|row| row.fields.get(place).and_then(|(_, value)| inner(value)));
            let fields: Option<Vec<_>> =
                fields.map(|fields| Some(Row { minion: None, fields: fields? })).collect();
            fields.is_some_and(|fields| of_one_type(&fields))
        })
        .collect();
    let flat = |row: &Row<'a>| {
        let fields = row.fields.iter().zip(&opened).flat_map(|((name, value), is_open)| {
            let fields = if *is_open { inner(value) } else { None };
            fields.unwrap_or_else(|| vec![(*name, *value)])
        });
        Row { minion: row.minion, fields: fields.collect() }
    };
    rows.iter().map(flat).collect()
}

/// Records of one type, a row each, behind the names of the minions that gave them. Their first fields are what they are known
/// by; where a terminal has no room, of the others the last ones are left out.
fn many(rows: &[Row<'_>], reader: Reader) -> Table {
    let first = rows.first();
    let is_alone = first.is_none_or(|row| row.minion.is_none());
    let names: Vec<&str> =
        first.map(|row| row.fields.iter().map(|(name, _)| *name).collect()).unwrap_or_default();
    let texts = |row: &Row<'_>| row.fields.iter().map(|(name, value)| cell(name, value, reader)).collect();
    let cells: Vec<Vec<String>> = rows.iter().map(texts).collect();
    let column = |(place, name): (usize, &&str)| {
        let mut values = rows.iter().filter_map(|row| row.fields.get(place).map(|(_, value)| *value));
        let mut lines = cells.iter().filter_map(|row| row.get(place)).flat_map(|cell| cell.lines());
        let heading = heading(name, &names, reader);
        let column = if values.clone().all(is_number) && values.any(|value| *value != Value::Option(None)) {
            Column::whole(heading).right()
        } else if lines.all(|line| width(line) <= SHORT) {
            Column::whole(heading).lines(MAX_LINES)
        } else if is_alone {
            // What one minion says is there to its end.
            Column::wrapped(heading, LEAST, usize::MAX)
        } else {
            Column::cut(heading, LEAST, usize::MAX).lines(MAX_LINES)
        };
        if place < FIRST { column } else { column.minor() }
    };
    let named = first.and_then(|row| row.minion).map(|_| Column::whole("MINION"));
    let columns: Vec<Column> = named.into_iter().chain(names.iter().enumerate().map(column)).collect();
    let minions = rows.iter().map(|row| row.minion.map(str::to_owned));
    let cells = minions.zip(cells).map(|(minion, cells)| minion.into_iter().chain(cells));
    Table::new(columns).verbatim().set_off(MARGIN).with(cells)
}

/// Text for this reader.
pub(super) fn shown(text: String, reader: Reader) -> Shown {
    match reader.is_terminal() {
        // So that no line of it looks like a row.
        true => Shown::Screen(Styled::text(indented(&text))),
        false => Shown::Pipe(text),
    }
}

fn indented(text: &str) -> String {
    let margin = " ".repeat(MARGIN);
    text.lines().map(|line| format!("{margin}{line}").trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

/// How far a value stands off on a terminal.
const MARGIN: usize = 3;

/// How many fields a record has that does not stand in one cell.
const MANY_FIELDS: usize = 4;

/// Up to which width a text is no use in two pieces: a version, a time, a name.
const SHORT: usize = 30;

/// The least width of a text that is longer.
const LEAST: usize = 24;

/// The most lines that a field of one of several minions has.
const MAX_LINES: usize = 5;

/// How many of the first fields are never left out.
const FIRST: usize = 2;
