//! What Net-SNMP prints with `-OnetUx`: `.1.3.6.1.2.1.1.5.0 = Hex-STRING: 77 65 62 31`, of long texts over several lines.

use failure::Error;

use crate::exports::minion::snmp::snmp::{Entry, Value};

/// The values.
///
/// # Errors
/// Where a line is none of one.
pub(crate) fn entries(text: &str) -> Result<Vec<Entry>, Error> {
    blocks(text).map(|block| entry(&block)).collect()
}

/// The values of a text whose end is missing, without the last, of which nobody knows whether it is whole.
pub(crate) fn whole_entries(text: &str) -> Vec<Entry> {
    let mut entries: Vec<Entry> = blocks(text).map_while(|block| entry(&block).ok()).collect();
    entries.pop();
    entries
}

/// Lines that begin with a number, each with those behind it that do not.
fn blocks(text: &str) -> impl Iterator<Item = String> {
    let mut lines = text.lines().peekable();
    std::iter::from_fn(move || {
        let mut block = lines.next()?.to_owned();
        while let Some(line) = lines.next_if(|line| !begins(line)) {
            block.push(' ');
            block.push_str(line);
        }
        Some(block)
    })
}

fn begins(line: &str) -> bool {
    let oid = line.split(" = ").next().unwrap_or_default();
    line.contains(" = ")
        && oid.starts_with('.')
        && oid.bytes().all(|byte| byte == b'.' || byte.is_ascii_digit())
}

fn entry(block: &str) -> Result<Entry, Error> {
    let misread = || {
        Error::Other(format!("the answer cannot be read: {:?}", block.chars().take(200).collect::<String>()))
    };
    let (oid, value) = block.split_once(" = ").filter(|_| begins(block)).ok_or_else(misread)?;
    Ok(Entry { oid: oid.to_owned(), value: self::value(value.trim()) })
}

fn value(text: &str) -> Value {
    let other = || Value::Other(text.to_owned());
    if text.starts_with("No Such ") || text.starts_with("No more variables") {
        return Value::Missing(text.to_owned());
    }
    if text == "\"\"" {
        return Value::Text(String::new());
    }
    let Some((kind, rest)) = text.split_once(": ") else {
        // A time has no word in front of it.
        return text.parse().map_or_else(|_| other(), Value::Ticks);
    };
    match kind {
        "INTEGER" => rest.parse().map_or_else(|_| other(), Value::Number),
        "Counter32" | "Counter64" => rest.parse().map_or_else(|_| other(), Value::Counter),
        "Gauge32" | "Unsigned32" => rest.parse().map_or_else(|_| other(), Value::Gauge),
        "Hex-STRING" => hex(rest).map_or_else(other, text_or_bytes),
        "OID" => Value::Oid(rest.to_owned()),
        "IpAddress" => Value::Address(rest.to_owned()),
        _ => other(),
    }
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let byte = |word: &str| (word.len() == 2).then(|| u8::from_str_radix(word, 16).ok())?;
    text.split_whitespace().map(byte).collect()
}

/// A text, if it can be read as one.
fn text_or_bytes(bytes: Vec<u8>) -> Value {
    let is_text = |text: &str| text.chars().all(|c| !c.is_control() || matches!(c, '\t' | '\n' | '\r'));
    match String::from_utf8(bytes) {
        Ok(text) if is_text(&text) => Value::Text(text),
        Ok(text) => Value::Bytes(text.into_bytes()),
        Err(error) => Value::Bytes(error.into_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_what_they_were_sent_as() {
        let text = ".1.3.1 = Hex-STRING: 4C 69 6E \n75 78 \n.1.3.2 = 25316\n.1.3.3 = INTEGER: -1\n.1.3.4 = \"\"\n\
                    .1.3.5 = Counter64: 18446744073709551615\n.1.3.6 = Gauge32: 7\n.1.3.7 = OID: .1.3.6\n\
                    .1.3.8 = IpAddress: 10.0.0.1\n.1.3.9 = Hex-STRING: E6 57 00 \n.1.3.10 = Opaque: Float: 1.5\n\
                    .1.3.11 = No Such Object available on this agent at this OID\n";
        let values: Vec<Value> = entries(text).expect("read").into_iter().map(|entry| entry.value).collect();
        let missing = "No Such Object available on this agent at this OID";
        let expected = [
            Value::Text("Linux".to_owned()),
            Value::Ticks(25316),
            Value::Number(-1),
            Value::Text(String::new()),
            Value::Counter(u64::MAX),
            Value::Gauge(7),
            Value::Oid(".1.3.6".to_owned()),
            Value::Address("10.0.0.1".to_owned()),
            Value::Bytes(vec![0xe6, 0x57, 0]),
            Value::Other("Opaque: Float: 1.5".to_owned()),
            Value::Missing(missing.to_owned()),
        ];
        assert_eq!(values, expected);
    }

    #[test]
    fn nonsense_is_an_error_and_a_cut_end_is_left_out() {
        for text in ["x", "1.3 = INTEGER: 1", ".1.a = INTEGER: 1", "\n"] {
            assert!(entries(text).is_err(), "{text:?}");
        }
        assert_eq!(entries(""), Ok(Vec::new()));
        assert_eq!(whole_entries(".1.3.1 = INTEGER: 1\n.1.3.2 = INTE").len(), 1);
    }
}
