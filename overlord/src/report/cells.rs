//! Values in the cells of a table as people read them. Programs are given what was said.

use output::Reader;
use wire::document::text::{size, span};
use wire::value::Value;

/// What a number counts, as the name of its field says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Bytes,
    Seconds,
    Milliseconds,
    Percent,
}

/// The words at the end of a name that say what is counted.
const ENDINGS: [(&str, Unit); 5] = [
    ("bytes", Unit::Bytes),
    ("seconds", Unit::Seconds),
    ("s", Unit::Seconds),
    ("ms", Unit::Milliseconds),
    ("percent", Unit::Percent),
];

/// Whole names that everybody gives to numbers of bytes.
const BYTES: [&str; 4] = ["size", "memory", "memory-total", "memory-available"];

/// The name of a field above its column. A unit that stands in each cell does not stand there, too.
pub(super) fn heading(name: &str, others: &[&str], reader: Reader) -> String {
    let name = reader.text(name);
    let bare = match unit(&name) {
        Some((bare, _)) if reader.is_terminal() && !others.contains(&bare) => bare,
        _ => &name,
    };
    bare.to_uppercase()
}

/// The value of a field as it stands in a cell.
pub(super) fn cell(name: &str, value: &Value, reader: Reader) -> String {
    if reader.is_terminal() { reader.text(&read(name, value, reader)) } else { reader.value(value) }
}

/// Whether the values of a column stand below each other by their last digits.
pub(super) fn is_number(value: &Value) -> bool {
    match value {
        Value::Signed(_) | Value::Unsigned(_) | Value::F32(_) | Value::F64(_) | Value::Option(None) => true,
        Value::Option(Some(inner)) => is_number(inner),
        _ => false,
    }
}

/// The words of a point in time, which has the same in seconds beside them.
pub(super) fn time(value: &Value) -> Option<&str> {
    let Value::Record(fields) = value else { return None };
    match &fields[..] {
        [(text, Value::String(words)), (seconds, Value::Signed(_))]
            if text == "text" && seconds == "seconds" =>
        {
            Some(words)
        }
        _ => None,
    }
}

fn read(name: &str, value: &Value, reader: Reader) -> String {
    match value {
        Value::Option(None) => "-".to_owned(),
        Value::Option(Some(inner)) => read(name, inner, reader),
        Value::List(values) if values.is_empty() => "none".to_owned(),
        Value::List(values) => listed(values, reader),
        Value::Record(fields) => match time(value) {
            Some(words) => words.to_owned(),
            None => {
                let one = |(name, value): &(String, Value)| match (name.as_str(), read(name, value, reader)) {
                    ("name", value) => value,
                    (name, value) => format!("{name} {value}"),
                };
                fields.iter().map(one).collect::<Vec<_>>().join(", ")
            }
        },
        number => counted(name, number, reader).unwrap_or_else(|| reader.value(number)),
    }
}

/// Words beside each other, and anything that has spaces itself below each other.
fn listed(values: &[Value], reader: Reader) -> String {
    let items: Vec<String> = values.iter().map(|value| read("", value, reader)).collect();
    let has_spaces = items.iter().any(|item| item.contains(char::is_whitespace));
    items.join(if has_spaces { "\n" } else { ", " })
}

/// A number with its unit, where its name says which that is.
fn counted(name: &str, value: &Value, reader: Reader) -> Option<String> {
    let (_, unit) = unit(name)?;
    let whole = match *value {
        Value::Unsigned(number) => number as f64,
        Value::Signed(number) if number >= 0 => number as f64,
        Value::F32(number) if number.is_finite() && number >= 0.0 => f64::from(number),
        Value::F64(number) if number.is_finite() && number >= 0.0 => number,
        _ => return None,
    };
    let is_short = whole < 60.0 && whole.fract() == 0.0;
    Some(match (unit, value) {
        (Unit::Bytes, Value::Unsigned(number)) => size(*number),
        (Unit::Bytes, _) => size(whole as u64),
        (Unit::Seconds, _) if is_short => format!("{whole} s"),
        (Unit::Seconds, _) => span((whole * 1e6) as u64),
        (Unit::Percent, _) => format!("{}%", reader.value(value)),
        (Unit::Milliseconds, _) => span((whole * 1e3) as u64),
    })
}

/// The unit of a name, and the name without it where something is left.
fn unit(name: &str) -> Option<(&str, Unit)> {
    if BYTES.contains(&name) {
        return Some((name, Unit::Bytes));
    }
    let of = |(ending, unit): (&str, Unit)| match name.strip_suffix(ending)? {
        // A name of one letter is no unit.
        "" => (ending.len() > 2).then_some((name, unit)),
        bare => Some((bare.strip_suffix('-')?, unit)),
    };
    ENDINGS.into_iter().find_map(of)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EYES: Reader = Reader::Terminal(Some(80));

    fn text(text: &str) -> Value {
        Value::String(text.to_owned())
    }

    #[test]
    fn a_number_is_read_with_the_unit_that_its_name_says() {
        let whole = |name, number, expected| {
            assert_eq!(cell(name, &Value::Unsigned(number), EYES), expected, "{name}");
            let some = Value::Option(Some(Box::new(Value::Unsigned(number))));
            assert_eq!(cell(name, &some, EYES), expected, "some {name}");
            assert_eq!(cell(name, &Value::Unsigned(number), Reader::Pipe), number.to_string(), "{name}");
        };
        whole("memory", 1_288_490_188, "1.2 GiB");
        whole("memory-total", 8 << 30, "8 GiB");
        whole("size", 1024, "1 KiB");
        whole("used-bytes", 500, "500 B");
        whole("bytes", 4096, "4 KiB");
        whole("age-s", 273_600, "3d 4h");
        whole("seconds", 59, "59 s");
        whole("elapsed-ms", 250, "250 ms");
        whole("cpu-percent", 98, "98%");
        whole("s", 4096, "4096");
        whole("pids", 4096, "4096");
        whole("programs", 4096, "4096");
        assert_eq!(cell("time-ms", &Value::F64(0.42), EYES), "0.4 ms");
        assert_eq!(cell("seconds", &Value::Signed(-5), EYES), "-5", "what has no such unit is as it is");
        assert_eq!(cell("load-s", &Value::F64(f64::NAN), EYES), "\"NaN\"");
    }

    #[test]
    fn a_unit_stands_in_the_cell_or_above_it() {
        assert_eq!(heading("age-s", &["age-s", "pid"], EYES), "AGE");
        assert_eq!(heading("age-s", &["age-s", "age"], EYES), "AGE-S", "two columns of one name");
        assert_eq!(heading("age-s", &["age-s"], Reader::Pipe), "AGE-S");
        assert_eq!(heading("bytes", &["bytes"], EYES), "BYTES");
        assert_eq!(heading("memory", &["memory"], EYES), "MEMORY");
    }

    #[test]
    fn what_has_parts_is_read_without_brackets() {
        let owner = Value::Record(vec![("name".into(), text("sshd")), ("pid".into(), Value::Unsigned(812))]);
        // The name of a thing needs no word before it.
        assert_eq!(cell("owner", &owner, EYES), "sshd, pid 812");
        assert_eq!(
            cell("owners", &Value::List(vec![owner.clone(), owner]), EYES),
            "sshd, pid 812\nsshd, pid 812"
        );
        assert_eq!(cell("groups", &Value::List(vec![text("adm"), text("sudo")]), EYES), "adm, sudo");
        assert_eq!(cell("groups", &Value::List(Vec::new()), EYES), "none");
        assert_eq!(cell("group", &Value::Option(None), EYES), "-");
        let moment = |words: &str| {
            Value::Record(vec![
                ("text".into(), text(words)),
                ("seconds".into(), Value::Signed(1_795_679_335)),
            ])
        };
        assert_eq!(cell("since", &moment("2026-11-26T07:48:55Z"), EYES), "2026-11-26T07:48:55Z");
        assert!(
            cell("since", &moment("a\u{1b}[2Jb"), EYES).starts_with("a [2Jb"),
            "nobody steers a terminal"
        );
    }
}
