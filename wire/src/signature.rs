//! What a method takes and gives: the types that a minion reads from a component.

use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::value::{Level, TooDeep};

/// A WIT type, structurally: names of records and variants are not part of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(remote = "Self")]
#[allow(missing_docs)]
pub enum Type {
    Bool,
    S8,
    U8,
    S16,
    U16,
    S32,
    U32,
    S64,
    U64,
    F32,
    F64,
    Char,
    String,
    List(Box<Type>),
    Tuple(Vec<Type>),
    Record(Vec<(String, Type)>),
    Variant(Vec<(String, Option<Type>)>),
    Enum(Vec<String>),
    Option(Box<Type>),
    Result(Option<Box<Type>>, Option<Box<Type>>),
    Flags(Vec<String>),
    /// Something that cannot be passed from outside, by its WIT name (`stream`, `own<file>`).
    Opaque(String),
}

impl Type {
    /// Whether this is `list<u8>`, which travels as bytes.
    pub fn is_bytes(&self) -> bool {
        matches!(self, Type::List(element) if **element == Type::U8)
    }

    /// The first thing in this type that makes it impossible to pass, if there is one.
    pub fn opaque(&self) -> Option<&str> {
        match self {
            Type::Opaque(name) => Some(name),
            Type::List(inner) | Type::Option(inner) => inner.opaque(),
            Type::Tuple(types) => types.iter().find_map(Type::opaque),
            Type::Record(fields) => fields.iter().find_map(|(_, ty)| ty.opaque()),
            Type::Variant(cases) => cases.iter().filter_map(|(_, ty)| ty.as_ref()).find_map(Type::opaque),
            Type::Result(ok, err) => [ok, err].into_iter().flatten().find_map(|ty| ty.opaque()),
            _ => None,
        }
    }

    /// Whether `list<u8>` occurs anywhere below this type, the type itself left out.
    pub fn buries_bytes(&self) -> bool {
        let within = |ty: &Type| ty.is_bytes() || ty.buries_bytes();
        match self {
            Type::List(inner) | Type::Option(inner) => within(inner),
            Type::Tuple(types) => types.iter().any(within),
            Type::Record(fields) => fields.iter().any(|(_, ty)| within(ty)),
            Type::Variant(cases) => cases.iter().filter_map(|(_, ty)| ty.as_ref()).any(within),
            Type::Result(ok, err) => [ok, err].into_iter().flatten().any(|ty| within(ty)),
            _ => false,
        }
    }
}

impl Serialize for Type {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Type::serialize(self, serializer)
    }
}

impl<'de> Deserialize<'de> for Type {
    /// Fails beyond [`crate::value::MAX_DEPTH`].
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let _level = Level::enter().ok_or_else(|| D::Error::custom(TooDeep))?;
        Type::deserialize(deserializer)
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Type::Bool => f.write_str("bool"),
            Type::S8 => f.write_str("s8"),
            Type::U8 => f.write_str("u8"),
            Type::S16 => f.write_str("s16"),
            Type::U16 => f.write_str("u16"),
            Type::S32 => f.write_str("s32"),
            Type::U32 => f.write_str("u32"),
            Type::S64 => f.write_str("s64"),
            Type::U64 => f.write_str("u64"),
            Type::F32 => f.write_str("f32"),
            Type::F64 => f.write_str("f64"),
            Type::Char => f.write_str("char"),
            Type::String => f.write_str("string"),
            Type::List(inner) => write!(f, "list<{inner}>"),
            Type::Option(inner) => write!(f, "option<{inner}>"),
            Type::Tuple(types) => write!(f, "tuple<{}>", Joined(types)),
            Type::Record(fields) => write!(f, "record {{ {} }}", Fields(fields)),
            Type::Variant(cases) => {
                let cases: Vec<String> = cases.iter().map(case).collect();
                write!(f, "variant {{ {} }}", cases.join(", "))
            }
            Type::Enum(cases) => write!(f, "enum {{ {} }}", cases.join(", ")),
            Type::Flags(names) => write!(f, "flags {{ {} }}", names.join(", ")),
            Type::Result(None, None) => f.write_str("result"),
            Type::Result(Some(ok), None) => write!(f, "result<{ok}>"),
            Type::Result(None, Some(err)) => write!(f, "result<_, {err}>"),
            Type::Result(Some(ok), Some(err)) => write!(f, "result<{ok}, {err}>"),
            Type::Opaque(name) => f.write_str(name),
        }
    }
}

fn case((name, payload): &(String, Option<Type>)) -> String {
    payload.as_ref().map_or_else(|| name.clone(), |ty| format!("{name}({ty})"))
}

/// Types with commas between them.
struct Joined<'a>(&'a [Type]);

impl fmt::Display for Joined<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, ty) in self.0.iter().enumerate() {
            write!(f, "{}{ty}", if n == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

/// `name: type` pairs with commas between them.
struct Fields<'a>(&'a [(String, Type)]);

impl fmt::Display for Fields<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, (name, ty)) in self.0.iter().enumerate() {
            write!(f, "{}{name}: {ty}", if n == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

/// One function that a module exports.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Method {
    /// The interface that exports it (`minion:test/test@0.1.0`), or `None` at the component's root.
    pub interface: Option<String>,
    /// The function's own name: `restart`.
    pub name: String,
    /// Parameters in order.
    pub params: Vec<(String, Type)>,
    /// What it returns, if anything.
    pub result: Option<Type>,
    /// Whether it was declared `async func`.
    pub is_async: bool,
    /// Why it cannot be called from outside, where it cannot.
    pub not_callable: Option<String>,
    /// What its author wrote about it, where the module carries that.
    pub docs: Option<String>,
}

impl Method {
    /// The interface's own name (`unit` of `acme:service/unit@1.0.0`), or `None` at the root.
    pub fn interface_name(&self) -> Option<&str> {
        let path = self.interface.as_deref()?;
        let path = path.split('@').next().unwrap_or(path);
        Some(path.rsplit('/').next().unwrap_or(path))
    }

    /// How the method is called when its short name is taken twice: `unit/restart`.
    pub fn qualified(&self) -> String {
        match self.interface_name() {
            Some(interface) => format!("{interface}/{}", self.name),
            None => self.name.clone(),
        }
    }

    /// Whether the parameter at this place takes bytes, so that a file can be given for it.
    pub fn takes_bytes(&self, place: usize) -> bool {
        match self.params.get(place) {
            Some((_, Type::Option(inner))) => inner.is_bytes(),
            Some((_, ty)) => ty.is_bytes(),
            None => false,
        }
    }

    /// How many arguments must be given: trailing `option` parameters may be left out.
    pub fn required(&self) -> usize {
        let optional = self.params.iter().rev().take_while(|(_, ty)| matches!(ty, Type::Option(_))).count();
        self.params.len() - optional
    }
}

/// Prints the method as WIT would, without `func`: `add(a: s64, b: s64) -> s64`.
impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({})", self.name, Fields(&self.params))?;
        match &self.result {
            Some(ty) => write!(f, " -> {ty}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn method() -> Method {
        Method {
            interface: Some("acme:service/unit@1.0.0".into()),
            name: "restart".into(),
            params: vec![
                ("name".into(), Type::String),
                ("options".into(), Type::Option(Box::new(Type::List(Box::new(Type::U8))))),
            ],
            result: Some(Type::Result(None, Some(Box::new(Type::String)))),
            is_async: false,
            not_callable: None,
            docs: None,
        }
    }

    #[test]
    fn a_method_prints_as_wit() {
        assert_eq!(
            method().to_string(),
            "restart(name: string, options: option<list<u8>>) -> result<_, string>"
        );
        assert_eq!(method().qualified(), "unit/restart");
        assert_eq!(method().required(), 1);
    }

    #[test]
    fn buried_bytes_and_opaque_parts_are_found() {
        assert!(!Type::List(Box::new(Type::U8)).buries_bytes());
        assert!(method().params[1].1.buries_bytes());
        let stream = Type::Record(vec![("data".into(), Type::Opaque("stream<u8>".into()))]);
        assert_eq!(stream.opaque(), Some("stream<u8>"));
    }
}
