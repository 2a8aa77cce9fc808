//! JSON that somebody wrote, in which a key that is given twice is a mistake of theirs and not a choice of the
//! reader.

use std::cell::RefCell;
use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value as Json};

use crate::value::error::{clipped, quoted};

/// Why a text is not JSON that can be meant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadJson {
    /// The text is not JSON at all.
    #[error("{0}")]
    Syntax(String),
    /// A key is given twice in one object.
    #[error("{0}")]
    Twice(String),
}

/// Reads a JSON text. Callers cap its length.
pub(crate) fn parse(text: &str) -> Result<Json, BadJson> {
    let place = RefCell::new(Vec::new());
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let parsed = Element { place: &place }.deserialize(&mut deserializer);
    let parsed = parsed.and_then(|json| deserializer.end().map(|()| json));
    parsed.map_err(|error| {
        let message = clipped(&error.to_string());
        // Nothing but a key that is given twice is wrong with data that is only read as data.
        if error.is_data() { BadJson::Twice(message) } else { BadJson::Syntax(message) }
    })
}

/// One step down into a JSON text.
enum Step {
    Key(String),
    Index(usize),
}

/// Reads anything that stands in JSON, and knows where in the text it is.
struct Element<'p> {
    place: &'p RefCell<Vec<Step>>,
}

impl Element<'_> {
    /// Reads what is one step further down in the text.
    fn down<T>(&self, step: Step, read: impl FnOnce(Self) -> T) -> T {
        self.place.borrow_mut().push(step);
        let read = read(Self { place: self.place });
        self.place.borrow_mut().pop();
        read
    }

    fn twice(&self, key: &str) -> String {
        let mut place = String::new();
        for step in self.place.borrow().iter() {
            match step {
                Step::Key(key) if place.is_empty() => place.push_str(key),
                Step::Key(key) => place.extend([".", key]),
                Step::Index(index) => place.push_str(&format!("[{index}]")),
            }
        }
        let inside = if place.is_empty() { String::new() } else { format!(" in {}", clipped(&place)) };
        format!("the key {} is given twice{inside}", quoted(key))
    }
}

impl<'de> DeserializeSeed<'de> for Element<'_> {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Element<'_> {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::from(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(Number::from_f64(value).map_or(Json::Null, Json::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::from(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Json, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) =
            self.down(Step::Index(elements.len()), |inner| access.next_element_seed(inner))?
        {
            elements.push(element);
        }
        Ok(Json::Array(elements))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Json, A::Error> {
        let mut members = Map::new();
        while let Some(key) = access.next_key::<String>()? {
            if members.contains_key(&key) {
                return Err(de::Error::custom(self.twice(&key)));
            }
            let member = self.down(Step::Key(key.clone()), |inner| access.next_value_seed(inner))?;
            members.insert(key, member);
        }
        Ok(Json::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::value::arbitrary::json_of_any_kind;

    #[test]
    fn a_key_that_is_given_twice_is_named_with_its_place() {
        for (text, said) in [
            (r#"{"a": 1, "a": 2}"#, r#"the key "a" is given twice at line 1 column"#),
            (r#"{"m": [{}, {"b": 1, "\u0062": 1}]}"#, r#"the key "b" is given twice in m[1] at line"#),
            (r#"[{"c": {"d": {"e": 0, "e": 0}}}]"#, r#"the key "e" is given twice in [0].c.d at line"#),
        ] {
            let Err(BadJson::Twice(message)) = parse(text) else { panic!("{text} was read") };
            assert!(message.starts_with(said), "{message}");
        }
        assert!(parse(r#"[{"a": 1}, {"a": 1}]"#).is_ok(), "objects do not share their keys");
        for bad in ["", "{", "{\"a\":1}x", "[a]", "1e999"] {
            assert!(matches!(parse(bad), Err(BadJson::Syntax(_))), "{bad}");
        }
        assert!(matches!(parse(&"[".repeat(100_000)), Err(BadJson::Syntax(_))));
    }

    proptest! {
        #[test]
        fn everything_else_is_read_as_it_stands(json in json_of_any_kind()) {
            let text = json.to_string();
            prop_assert_eq!(parse(&text), Ok(serde_json::from_str(&text).expect("JSON")));
        }
    }
}
