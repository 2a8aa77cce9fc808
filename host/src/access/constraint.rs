//! What a rule of the access list says of one argument: the texts, values and numbers that it is about.

use std::cmp::Ordering;
use std::fmt;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value as Json;

use wire::document::redaction::{cut, redacted};

use crate::access::pattern::Pattern;

/// The arguments that a rule is about, of one parameter or of a field in it: those that at least one of its keys names.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "Written")]
pub(super) struct Constraint {
    /// Globs on texts, and on the names of cases.
    pub(super) globs: Vec<Pattern>,
    /// Values of any type, in the form that they have in JSON.
    pub(super) list: Vec<Json>,
    /// Numbers.
    pub(super) range: Option<Range>,
    /// Whether an option that is none is among them.
    pub(super) absent: bool,
}

/// A constraint as it is written, which may say nothing.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Written {
    globs: Vec<Pattern>,
    list: Vec<Listed>,
    range: Option<Range>,
    absent: bool,
}

impl TryFrom<Written> for Constraint {
    type Error = &'static str;

    fn try_from(Written { globs, list, range, absent }: Written) -> Result<Self, Self::Error> {
        if globs.is_empty() && list.is_empty() && range.is_none() && !absent {
            return Err("names no argument: write `globs`, `list`, `range` or `absent = true`");
        }
        Ok(Self { globs, list: list.into_iter().map(|Listed(value)| value).collect(), range, absent })
    }
}

impl fmt::Display for Constraint {
    /// As it reads on from a parameter: `like "web-*", one of 1, 2, from 1 to 10, or none`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        if !self.globs.is_empty() {
            parts.push(format!("like {}", shown(self.globs.iter().map(|glob| Json::from(glob.text())))));
        }
        if !self.list.is_empty() {
            let one_of = if self.list.len() == 1 { "" } else { "one of " };
            parts.push(format!("{one_of}{}", shown(self.list.iter().cloned().map(redacted))));
        }
        parts.extend(self.range.map(|range| range.to_string()));
        if self.absent {
            parts.push("none".to_owned());
        }
        f.write_str(&parts.join(", or "))
    }
}

/// Some values, as many and as much of each as fits a message.
fn shown(values: impl ExactSizeIterator<Item = impl fmt::Display>) -> String {
    let more = values.len().saturating_sub(SHOWN);
    let mut texts: Vec<String> = values.take(SHOWN).map(|value| cut(&value.to_string(), MAX_TEXT)).collect();
    if more > 0 {
        texts.push(format!("{more} more"));
    }
    texts.join(", ")
}

/// A value in a list, which is any that JSON can say.
#[derive(Deserialize)]
#[serde(try_from = "toml::Value")]
struct Listed(Json);

impl TryFrom<toml::Value> for Listed {
    type Error = String;

    fn try_from(value: toml::Value) -> Result<Self, String> {
        json(value).map(Listed)
    }
}

/// A value of TOML as JSON, where there is one for it.
fn json(value: toml::Value) -> Result<Json, String> {
    match value {
        toml::Value::String(text) => Ok(text.into()),
        toml::Value::Integer(number) => Ok(number.into()),
        toml::Value::Float(number) => serde_json::Number::from_f64(number)
            .map(Json::Number)
            .ok_or_else(|| format!("{number} is in no list: write \"NaN\", \"Infinity\" or \"-Infinity\"")),
        toml::Value::Boolean(value) => Ok(value.into()),
        toml::Value::Datetime(time) => Err(format!("{time} is of no type of arguments: write \"{time}\"")),
        toml::Value::Array(values) => values.into_iter().map(json).collect::<Result<_, _>>().map(Json::Array),
        toml::Value::Table(fields) => {
            let fields = fields.into_iter().map(|(name, value)| Ok((name, json(value)?)));
            fields.collect::<Result<_, String>>().map(Json::Object)
        }
    }
}

/// The numbers from one to another, with both.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(try_from = "Bounds")]
pub(super) struct Range {
    min: Option<Number>,
    max: Option<Number>,
}

/// A range as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Bounds {
    min: Option<Number>,
    max: Option<Number>,
}

impl TryFrom<Bounds> for Range {
    type Error = String;

    fn try_from(Bounds { min, max }: Bounds) -> Result<Self, String> {
        match (min, max) {
            (None, None) => Err("a range has a `min`, a `max`, or both".to_owned()),
            (Some(min), Some(max)) if !min.is_at_most(max) => {
                Err(format!("no number is from {min} to {max}"))
            }
            (min, max) => Ok(Self { min, max }),
        }
    }
}

impl Range {
    /// Whether it has this number. No range has the number that is none, NaN.
    pub(super) fn has(self, number: Number) -> bool {
        let from = self.min.is_none_or(|min| min.is_at_most(number));
        from && self.max.is_none_or(|max| number.is_at_most(max))
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.min, self.max) {
            (Some(min), Some(max)) => write!(f, "from {min} to {max}"),
            (Some(min), None) => write!(f, "at least {min}"),
            (None, Some(max)) => write!(f, "at most {max}"),
            (None, None) => f.write_str("any number"),
        }
    }
}

/// A number of any type, as it is: whole ones are not rounded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Number {
    /// An integer of any width.
    Whole(i128),
    /// A number of floating point.
    Real(f64),
}

impl Number {
    /// Whether it is NaN, which stands in no order.
    pub(super) fn is_nan(self) -> bool {
        matches!(self, Number::Real(number) if number.is_nan())
    }

    fn is_at_most(self, other: Number) -> bool {
        self.order(other).is_some_and(Ordering::is_le)
    }

    fn order(self, other: Number) -> Option<Ordering> {
        match (self, other) {
            (Number::Whole(a), Number::Whole(b)) => Some(a.cmp(&b)),
            (Number::Real(a), Number::Real(b)) => a.partial_cmp(&b),
            (Number::Whole(a), Number::Real(b)) => above(a, b),
            (Number::Real(a), Number::Whole(b)) => above(b, a).map(Ordering::reverse),
        }
    }
}

/// How a whole number and another one compare, without rounding the whole one.
fn above(whole: i128, real: f64) -> Option<Ordering> {
    if real.is_nan() {
        return None;
    }
    // What lies beyond the integers becomes the last of them, which no argument is.
    match whole.cmp(&(real.floor() as i128)) {
        Ordering::Equal if real > real.floor() => Some(Ordering::Less),
        order => Some(order),
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Number::Whole(number) => number.fmt(f),
            Number::Real(number) => number.fmt(f),
        }
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyNumber;
        impl Visitor<'_> for AnyNumber {
            type Value = Number;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number")
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Number, E> {
                Ok(Number::Whole(number.into()))
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Number, E> {
                Ok(Number::Whole(number.into()))
            }

            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Number, E> {
                if number.is_nan() {
                    return Err(E::custom("nan is no end of a range: write a number"));
                }
                Ok(Number::Real(number))
            }
        }
        deserializer.deserialize_any(AnyNumber)
    }
}

/// How many globs or values of a constraint a message shows.
const SHOWN: usize = 8;
/// The most characters of each.
const MAX_TEXT: usize = 64;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Deserialize)]
    struct Table {
        it: Constraint,
    }

    fn read(text: &str) -> Result<Constraint, String> {
        toml::from_str(&format!("it = {text}")).map(|Table { it }| it).map_err(|error| error.to_string())
    }

    #[test]
    fn a_constraint_is_told_as_it_was_written_and_no_more_of_it_than_fits_a_line() {
        for (text, told) in [
            ("{ globs = [\"web-*\", \"db\"] }", "like \"web-*\", \"db\""),
            ("{ list = [7] }", "7"),
            ("{ list = [7, \"a\", true, [1], { b = 2.5 }] }", "one of 7, \"a\", true, [1], {\"b\":2.5}"),
            ("{ range = { min = 1, max = 2.5 } }", "from 1 to 2.5"),
            ("{ range = { min = 1 }, absent = true }", "at least 1, or none"),
            ("{ range = { max = -1 }, globs = [\"*\"] }", "like \"*\", or at most -1"),
            ("{ list = [1, 2, 3, 4, 5, 6, 7, 8, 9] }", "one of 1, 2, 3, 4, 5, 6, 7, 8, 1 more"),
        ] {
            assert_eq!(read(text).expect(text).to_string(), told);
        }
        assert!(
            read(&format!("{{ globs = [\"{}\"] }}", "x".repeat(999))).expect("read").to_string().len() < 99
        );
    }

    #[test]
    fn what_names_no_argument_is_an_error() {
        for (text, named) in [
            ("{}", "names no argument"),
            ("{ globs = [], absent = false }", "names no argument"),
            ("{ range = {} }", "`min`"),
            ("{ range = { min = 2, max = 1 } }", "from 2 to 1"),
            ("{ range = { min = 1.5, max = 1 } }", "from 1.5 to 1"),
            ("{ range = { min = nan } }", "nan"),
            ("{ range = { min = \"1\" } }", "a number"),
            ("{ range = { least = 1 } }", "least"),
            ("{ glob = [\"a\"] }", "glob"),
            ("{ globs = [\"a[\"] }", "a["),
            ("{ list = [nan] }", "NaN"),
            ("{ list = [2026-01-01] }", "2026-01-01"),
            ("{ absent = 1 }", "boolean"),
        ] {
            let error = read(text).expect_err(text);
            assert!(error.contains(named), "{text}: {error}");
        }
    }

    #[test]
    fn numbers_are_compared_without_rounding() {
        let exact = 1_i128 << 53;
        for (a, b, order) in [
            (Number::Whole(exact + 1), Number::Real(exact as f64), Some(Ordering::Greater)),
            (Number::Real(exact as f64), Number::Whole(exact + 1), Some(Ordering::Less)),
            (Number::Whole(-1), Number::Real(-1.5), Some(Ordering::Greater)),
            (Number::Whole(1), Number::Real(1.5), Some(Ordering::Less)),
            (Number::Whole(1), Number::Real(1.0), Some(Ordering::Equal)),
            (Number::Whole(u64::MAX.into()), Number::Real(f64::INFINITY), Some(Ordering::Less)),
            (Number::Whole(i64::MIN.into()), Number::Real(f64::NEG_INFINITY), Some(Ordering::Greater)),
            (Number::Whole(0), Number::Real(f64::NAN), None),
            (Number::Real(f64::NAN), Number::Real(0.0), None),
        ] {
            assert_eq!(a.order(b), order, "{a} {b}");
        }
    }

    proptest! {
        #[test]
        fn small_numbers_compare_as_reals_do(a in -100_i32..100, b in -100.0_f64..100.0) {
            prop_assert_eq!(Number::Whole(a.into()).order(Number::Real(b)), f64::from(a).partial_cmp(&b));
        }
    }
}
