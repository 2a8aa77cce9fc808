//! How much a value is, in the bytes that people and limits count. How much memory it holds is another number: see
//! [`crate::memory`].

use crate::value::Value;

/// The most that the arguments of one call may be, in bytes as [`size`] counts them. Both command lines, the
/// overlord and every minion hold a call to it, whatever form its arguments have on their way.
pub const MAX_ARGUMENTS: u64 = 8 << 20;

/// How many bytes a value takes: those of its texts, names and scalars, and beside them the place of each element,
/// field and payload, so that a great number of empty ones does not count as nothing.
pub fn size(value: &Value) -> u64 {
    let places = |count: usize, of: usize| (count * of) as u64;
    let texts = |names: &[String]| names.iter().map(|name| name.len() as u64).sum::<u64>();
    let side = |value: &Option<Box<Value>>| value.as_ref().map_or(0, |value| size(value));
    match value {
        Value::Bool(_) => 1,
        Value::Signed(_) | Value::Unsigned(_) | Value::F64(_) => 8,
        Value::F32(_) | Value::Char(_) => 4,
        Value::String(text) | Value::Enum(text) => text.len() as u64,
        Value::Bytes(bytes) => bytes.len() as u64,
        Value::List(values) | Value::Tuple(values) => {
            places(values.len(), PLACE) + values.iter().map(text_size).sum::<u64>()
        }
        Value::Record(fields) => {
            let named = fields.iter().map(|(name, value)| name.len() as u64 + text_size(value));
            places(fields.len(), size_of::<(String, Value)>()) + named.sum::<u64>()
        }
        Value::Variant(case, payload) => case.len() as u64 + side(payload),
        Value::Option(value) | Value::Result(Ok(value) | Err(value)) => side(value),
        Value::Flags(names) => places(names.len(), size_of::<String>()) + texts(names),
    }
}

/// How many bytes a value takes besides its place in another value.
fn text_size(value: &Value) -> u64 {
    match value {
        // A scalar takes nothing beside its place.
        Value::Bool(_)
        | Value::Signed(_)
        | Value::Unsigned(_)
        | Value::F64(_)
        | Value::F32(_)
        | Value::Char(_) => 0,
        Value::Variant(case, Some(payload)) => (case.len() + PLACE) as u64 + text_size(payload),
        Value::Option(Some(value)) | Value::Result(Ok(Some(value)) | Err(Some(value))) => {
            PLACE as u64 + text_size(value)
        }
        other => size(other),
    }
}

/// How many bytes the place takes that one value has in another.
const PLACE: usize = size_of::<Value>();

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Value {
        Value::String(text.to_owned())
    }

    #[test]
    fn the_size_of_a_value_is_that_of_its_contents() {
        assert_eq!(size(&Value::Bytes(vec![0; 1000])), 1000);
        assert_eq!(size(&Value::List(vec![text("abc"), text("")])), 2 * PLACE as u64 + 3);
        assert_eq!(size(&Value::Unsigned(1)), 8);
    }

    #[test]
    fn every_kind_counts_its_texts_and_the_places_of_its_parts() {
        let place = PLACE as u64;
        let (field, name) = (size_of::<(String, Value)>() as u64, size_of::<String>() as u64);
        let boxed = |value: Value| Some(Box::new(value));
        let fields = vec![("ab".to_owned(), text("cde")), ("f".to_owned(), Value::Bool(true))];
        let flags = Value::Flags(vec!["ab".to_owned(), "c".to_owned()]);
        for (value, alone, as_part) in [
            (Value::Bool(true), 1, 0),
            (Value::Char('x'), 4, 0),
            (Value::F32(1.0), 4, 0),
            (Value::F64(1.0), 8, 0),
            (Value::Signed(1), 8, 0),
            (text("abc"), 3, 3),
            (Value::Enum("abc".to_owned()), 3, 3),
            (Value::Bytes(vec![0; 5]), 5, 5),
            (Value::Tuple(vec![text("abc"), Value::Signed(1)]), 2 * place + 3, 2 * place + 3),
            (Value::Record(fields), 2 * field + 6, 2 * field + 6),
            (flags, 2 * name + 3, 2 * name + 3),
            (Value::Variant("abc".to_owned(), None), 3, 3),
            (Value::Variant("abc".to_owned(), boxed(text("de"))), 5, 5 + place),
            (Value::Option(boxed(text("de"))), 2, 2 + place),
            (Value::Result(Err(boxed(Value::Signed(1)))), 8, place),
            (Value::Result(Ok(None)), 0, 0),
        ] {
            assert_eq!(size(&value), alone, "{value:?}");
            assert_eq!(size(&Value::List(vec![value.clone()])), place + as_part, "in a list: {value:?}");
        }
    }

    #[test]
    fn a_great_number_of_nothing_is_not_nothing() {
        for nothing in
            [Value::Record(vec![]), Value::Tuple(vec![]), Value::Option(None), Value::Flags(vec![])]
        {
            let list = Value::List(vec![nothing.clone(); 1000]);
            assert!(size(&list) >= 1000 * PLACE as u64, "{nothing:?}");
            let boxed = Value::Option(Some(Box::new(Value::Option(Some(Box::new(nothing))))));
            let list = Value::List(vec![boxed; 1000]);
            assert!(size(&list) >= 3 * 1000 * PLACE as u64, "{list:?}");
        }
    }
}
