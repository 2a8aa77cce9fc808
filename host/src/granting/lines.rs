//! Levels of a suggestion as the lines of a table in `minion.toml`.

use toml_edit::{Array, InlineTable, Item, Value};

use crate::policy::{Level, LevelName, Suggestion};

/// The keys of a table, in the order of the example file.
const KEYS: [&str; 10] =
    ["process", "files", "http", "probe", "env", "facts", "kv", "limits", "settings", "rollback"];
/// The longest line that an array is written on.
const LINE: usize = 100;

/// The lines of one level and all that it includes.
pub(crate) fn of_level(suggestion: &Suggestion, level: &Level) -> String {
    of_levels(suggestion, std::slice::from_ref(level.name()))
}

/// The lines of these levels and all that they include, together what [`Suggestion::policy`] makes of them.
pub(super) fn of_levels(suggestion: &Suggestion, names: &[LevelName]) -> String {
    let mut keys: Vec<(&str, Value)> = Vec::new();
    // It was read once already, so it can be read.
    let document = toml_edit::Document::parse(suggestion.text()).ok();
    for level in suggestion.with_included(names) {
        let table = document.as_ref().and_then(|document| document.get(level.name().as_str()));
        for key in KEYS {
            let Some(mut value) = table.and_then(|table| table.get(key)).and_then(value_of) else { continue };
            plain(&mut value);
            match keys.iter_mut().find(|(present, _)| *present == key) {
                Some((_, present)) => merge(key, present, value),
                None => keys.push((key, value)),
            }
        }
    }
    keys.sort_by_key(|(key, _)| KEYS.iter().position(|known| known == key));
    keys.iter().map(|(key, value)| line(key, value)).collect()
}

fn value_of(item: &Item) -> Option<Value> {
    item.clone().into_value().ok()
}

/// Puts what a later level says over what earlier ones said.
fn merge(key: &str, present: &mut Value, later: Value) {
    match (present, later) {
        (Value::Array(present), Value::Array(later)) => {
            for value in later {
                // A grant counts once, however many levels have it.
                if !present.iter().any(|other| other.to_string() == value.to_string()) {
                    present.push_formatted(value);
                }
            }
        }
        (Value::InlineTable(present), Value::InlineTable(later)) if matches!(key, "limits" | "settings") => {
            for (key, value) in later {
                present.insert(key, value);
            }
        }
        (present, later) => *present = later,
    }
}

/// Without what the author wrote around it: comments, spaces, and ways to write a text.
fn plain(value: &mut Value) {
    match value {
        Value::String(text) => *value = text.value().as_str().into(),
        Value::Integer(number) => *value = (*number.value()).into(),
        Value::Float(number) => *value = (*number.value()).into(),
        Value::Boolean(truth) => *value = (*truth.value()).into(),
        Value::Datetime(time) => *value = (*time.value()).into(),
        Value::Array(array) => {
            let mut values: Vec<Value> = std::mem::take(array).into_iter().collect();
            values.iter_mut().for_each(plain);
            let mut array = Array::new();
            values.into_iter().for_each(|value| array.push_formatted(value));
            *value = Value::Array(array);
        }
        Value::InlineTable(table) => {
            let mut plain_table = InlineTable::new();
            for (key, mut value) in std::mem::take(table) {
                plain(&mut value);
                plain_table.insert(key, value);
            }
            *value = Value::InlineTable(plain_table);
        }
    }
}

/// `key = value`, an array over several lines where one is too long.
fn line(key: &str, value: &Value) -> String {
    let (mut value, mut parts) = (value.clone(), Vec::new());
    if let Value::Array(array) = &mut value {
        parts.extend(array.iter_mut().map(|value| {
            value.decor_mut().clear();
            value.to_string()
        }));
        array.fmt();
    }
    let short = format!("{key} = {value}\n");
    if short.len() <= LINE || parts.is_empty() {
        return short;
    }
    let parts: String = parts.iter().map(|part| format!("    {part},\n")).collect();
    format!("{key} = [\n{parts}]\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_that_a_level_may_have_is_granted_with_it() {
        let refused =
            "[read]\nnonsense = 1".parse::<Suggestion>().map(drop).expect_err("no such key").to_string();
        let (_, known) = refused.split_once("expected one of ").expect("the keys");
        let of_a_table = known.split(", ").map(|key| key.trim_matches('`'));
        for key in of_a_table.filter(|key| !matches!(*key, "description" | "includes")) {
            assert!(KEYS.contains(&key), "\"{key}\" would be left out of the lines");
        }
    }
}
