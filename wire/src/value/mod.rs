//! Values of WIT types, and all that is said about them: their types and signatures ([`method`]), the notations
//! in which people and programs write them ([`arguments`], [`json`], [`schema`]), and how much they are
//! ([`size`]).
//!
//! A [`Value`] describes itself, which is how arguments and results travel and rest. That it fits a method is
//! known only after [`arguments::bind`] or [`check`](mod@check). Component values of wasmtime are made of it in
//! the minion, not here.

#[cfg(any(test, feature = "arbitrary"))]
pub mod arbitrary;
pub mod arguments;
pub mod check;
pub mod error;
pub mod given;
pub(crate) mod integer;
pub mod json;
pub mod method;
pub mod schema;
pub(crate) mod shape;
pub mod size;
pub(crate) mod specimen;
pub(crate) mod strict_json;
pub(crate) mod wave;
pub(crate) mod word;

use std::cell::Cell;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// How many levels of values or types may be nested in each other, the outermost counted.
pub const MAX_DEPTH: usize = 64;

/// One value of a WIT type.
///
/// Integers of every width are carried in 64 bits: the method's own type gives the width back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub enum Value {
    /// `bool`
    Bool(bool),
    /// `s8` to `s64`
    Signed(i64),
    /// `u8` to `u64`
    Unsigned(u64),
    /// `f32`
    F32(f32),
    /// `f64`
    F64(f64),
    /// `char`
    Char(char),
    /// `string`
    String(String),
    /// `list<u8>`, which has a form of its own because a list would take an element for each byte.
    Bytes(Vec<u8>),
    /// `list<T>`
    List(Vec<Value>),
    /// `tuple<…>`
    Tuple(Vec<Value>),
    /// `record`, its fields in the order of the type.
    Record(Vec<(String, Value)>),
    /// A case of a `variant`, with its payload where it has one.
    Variant(String, Option<Box<Value>>),
    /// A case of an `enum`.
    Enum(String),
    /// `option<T>`
    Option(Option<Box<Value>>),
    /// `result<T, E>`, either side of which may carry nothing.
    Result(Result<Option<Box<Value>>, Option<Box<Value>>>),
    /// The flags that are set, in the order of the type.
    Flags(Vec<String>),
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Value::serialize(self, serializer)
    }
}

impl<'de> Deserialize<'de> for Value {
    /// Fails beyond [`MAX_DEPTH`] levels, so that no peer can exhaust the stack with a few bytes a level.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let _level = Level::enter().ok_or_else(|| D::Error::custom(TooDeep))?;
        Value::deserialize(deserializer)
    }
}

/// The error for a value, a type or a document that is nested deeper than [`MAX_DEPTH`] levels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("nested deeper than {MAX_DEPTH} levels")]
pub struct TooDeep;

/// One level of a recursive decode, which is given back when this is dropped.
pub(crate) struct Level(());

impl Level {
    /// Goes one level down, or returns `None` at [`MAX_DEPTH`].
    pub(crate) fn enter() -> Option<Self> {
        DEPTH.with(|depth| {
            (depth.get() < MAX_DEPTH).then(|| {
                depth.set(depth.get() + 1);
                Level(())
            })
        })
    }
}

impl Drop for Level {
    fn drop(&mut self) {
        DEPTH.with(|depth| depth.set(depth.get() - 1));
    }
}

thread_local! {
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nested(levels: usize) -> Value {
        (1..levels).fold(Value::Bool(true), |inner, _| Value::Option(Some(Box::new(inner))))
    }

    #[test]
    fn the_deepest_allowed_value_survives_the_wire() {
        let value = nested(MAX_DEPTH);
        let bytes = postcard::to_stdvec(&value).expect("encodes");
        assert_eq!(postcard::from_bytes::<Value>(&bytes).expect("decodes"), value);
    }

    #[test]
    fn one_level_more_is_refused_and_leaves_the_next_decode_alone() {
        let bytes = postcard::to_stdvec(&nested(MAX_DEPTH + 1)).expect("encodes");
        assert!(postcard::from_bytes::<Value>(&bytes).is_err());
        let bytes = postcard::to_stdvec(&nested(MAX_DEPTH)).expect("encodes");
        assert!(postcard::from_bytes::<Value>(&bytes).is_ok());
    }

    #[test]
    fn a_million_levels_do_not_overflow_the_stack() {
        // Option(Some(…)) is two bytes a level.
        let option = postcard::to_stdvec(&nested(2)).expect("encodes");
        let bytes = option[..2].repeat(1_000_000);
        assert!(postcard::from_bytes::<Value>(&bytes).is_err());
    }
}
