//! The value of one minion, all of it: records as columns, lists of records as rows, anything else as text.

use output::{Shown, Styled};
use wire::json::to_json;
use wire::value::Value;

use super::Reader;
use super::grid::{Grid, Kind};

/// The value as it stands below the row of its minion; `None` where it fits into the row, beside so many other
/// characters.
pub(super) fn below(value: &Value, beside: usize, reader: Reader) -> Option<Shown> {
    if let Value::Option(Some(inner)) = value {
        return below(inner, beside, reader);
    }
    if let Some(fields) = record(value) {
        return Some(one(fields, reader));
    }
    if let Value::List(values) = value
        && let Some(rows) = values.iter().map(record).collect::<Option<Vec<_>>>()
        && !rows.is_empty()
    {
        return Some(many(&rows, reader));
    }
    let text = reader.value(value);
    if !text.trim_end_matches(['\r', '\n']).contains('\n') && reader.has_room(beside + text.chars().count()) {
        return None;
    }
    let is_text = matches!(value, Value::String(_));
    let pretty = if is_text { None } else { serde_json::to_string_pretty(&to_json(value)).ok() };
    Some(shown(reader.text(&pretty.unwrap_or(text)), reader))
}

/// Text for this reader.
pub(super) fn shown(text: String, reader: Reader) -> Shown {
    match reader {
        // So that no line of it looks like a row.
        Reader::Terminal(_) => Shown::Screen(Styled::text(indented(&text))),
        Reader::Pipe => Shown::Pipe(text),
    }
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("{MARGIN}{line}").trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

type Fields = [(String, Value)];

fn record(value: &Value) -> Option<&Fields> {
    match value {
        Value::Record(fields) if !fields.is_empty() => Some(fields),
        _ => None,
    }
}

/// A record as a row, and where that is too wide as a line for each field.
fn one(fields: &Fields, reader: Reader) -> Shown {
    let texts: Vec<String> = fields.iter().map(|(_, value)| reader.value(value)).collect();
    let wide = fields.iter().zip(&texts).map(|((name, _), text)| {
        let widest = text.lines().map(|line| line.chars().count()).max().unwrap_or_default();
        widest.max(name.chars().count()) + 2
    });
    if reader.has_room(MARGIN.len() + wide.sum::<usize>()) {
        return many(&[fields], reader);
    }
    let columns = [("FIELD".to_owned(), Kind::Whole), ("VALUE".to_owned(), Kind::Long)];
    let rows = fields.iter().zip(texts).map(|((name, _), text)| vec![reader.text(name), text]);
    set_off(columns.into(), rows, reader)
}

/// Records of one type, a row each.
fn many(records: &[&Fields], reader: Reader) -> Shown {
    let kind = |place: usize| {
        let is_number = |fields: &&Fields| {
            let value = fields.get(place).map(|(_, value)| value);
            matches!(value, Some(Value::Signed(_) | Value::Unsigned(_) | Value::F32(_) | Value::F64(_)))
        };
        if records.iter().all(is_number) { Kind::Right } else { Kind::Long }
    };
    let names = records.first().map(|fields| fields.iter()).unwrap_or_default();
    let heading =
        |(place, (name, _)): (usize, &(String, Value))| (reader.text(name).to_uppercase(), kind(place));
    let rows = records.iter().map(|fields| fields.iter().map(|(_, value)| reader.value(value)).collect());
    set_off(names.enumerate().map(heading).collect(), rows, reader)
}

/// A table that is a value; on a terminal with a margin, so that no line of it looks like a row of our own.
fn set_off(columns: Vec<(String, Kind)>, rows: impl Iterator<Item = Vec<String>>, reader: Reader) -> Shown {
    let margin = matches!(reader, Reader::Terminal(_)).then(String::new);
    let mut grid = Grid::new(margin.clone().map(|margin| (margin, Kind::Whole)).into_iter().chain(columns));
    for row in rows {
        grid.add(margin.clone().into_iter().chain(row).map(|text| (text, None)).collect(), None);
    }
    grid.shown(reader)
}

/// What stands before each line of a value on a terminal: an empty column comes to as much.
const MARGIN: &str = "   ";
