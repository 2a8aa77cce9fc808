//! The value of one minion, all of it: records as columns, lists of records as rows, anything else as text.

use output::{Column, Reader, Shown, Styled, Table};
use wire::value::Value;
use wire::value::json::to_json;

/// The value as it stands below the row of its minion; `None` where it fits into the row, beside so many other
/// characters.
pub(super) fn below(value: &Value, beside: usize, reader: Reader) -> Option<Shown> {
    if let Value::Option(Some(inner)) = value {
        return below(inner, beside, reader);
    }
    if let Some(table) = table(value, reader) {
        return Some(table.shown(reader));
    }
    let text = reader.value(value);
    if !text.trim_end_matches(['\r', '\n']).contains('\n') && reader.has_room(beside, &text) {
        return None;
    }
    let is_text = matches!(value, Value::String(_));
    let pretty = if is_text { None } else { serde_json::to_string_pretty(&to_json(value)).ok() };
    Some(shown(reader.text(&pretty.unwrap_or(text)), reader))
}

/// A record as a table, and a list of records as one.
pub(super) fn table(value: &Value, reader: Reader) -> Option<Table> {
    if let Some(fields) = record(value) {
        return Some(one(fields, reader));
    }
    let Value::List(values) = value else { return None };
    let rows = values.iter().map(record).collect::<Option<Vec<_>>>()?;
    (!rows.is_empty()).then(|| many(&rows, reader))
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

type Fields = [(String, Value)];

fn record(value: &Value) -> Option<&Fields> {
    match value {
        Value::Record(fields) if !fields.is_empty() => Some(fields),
        _ => None,
    }
}

/// A record as a row, and where that is too wide as a line for each field.
fn one(fields: &Fields, reader: Reader) -> Table {
    let row = many(&[fields], reader);
    if row.fits(reader) {
        return row;
    }
    let columns = [Column::whole("FIELD"), Column::wrapped("VALUE", 16, usize::MAX)];
    let rows = fields.iter().map(|(name, value)| [reader.text(name), reader.value(value)]);
    Table::new(columns).verbatim().set_off(MARGIN).with(rows)
}

/// Records of one type, a row each.
fn many(records: &[&Fields], reader: Reader) -> Table {
    let column = |(place, (name, _)): (usize, &(String, Value))| {
        let is_number = |fields: &&Fields| {
            let value = fields.get(place).map(|(_, value)| value);
            matches!(value, Some(Value::Signed(_) | Value::Unsigned(_) | Value::F32(_) | Value::F64(_)))
        };
        let heading = reader.text(name).to_uppercase();
        match records.iter().all(is_number) {
            true => Column::whole(heading).right(),
            false => Column::wrapped(heading, 12, usize::MAX),
        }
    };
    let names = records.first().map(|fields| fields.iter()).unwrap_or_default();
    let rows = records.iter().map(|fields| fields.iter().map(|(_, value)| reader.value(value)));
    Table::new(names.enumerate().map(column)).verbatim().set_off(MARGIN).with(rows)
}

/// How far a value stands off on a terminal.
const MARGIN: usize = 3;
