//! Holding a constraint against an argument: after it was bound to its type, so that all ways to write a value are one.

use std::collections::HashMap;
use std::rc::Rc;

use serde_json::Value as Json;

use wire::value::Value;
use wire::value::json::from_json;
use wire::value::method::{Type, TypeId, TypeRef};

use crate::access::constraint::{Constraint, Number};
use crate::access::pattern::Pattern;

/// What came of holding a constraint against an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Finding {
    /// The argument is one of those that the constraint names.
    Named,
    /// It is another one.
    Other,
    /// The constraint says nothing of arguments like this one.
    Unsaid,
}

/// How much of an argument that has many parts must be named: the whole of it is then named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// Every part, of what is allowed.
    Every,
    /// One part at least, of what is denied.
    Any,
}

/// Whether a value of this type can have the field to which these names lead, through options and lists.
pub(super) fn has_field(ty: TypeRef<'_>, fields: &[String]) -> bool {
    let Some((first, rest)) = fields.split_first() else { return true };
    match ty.kind() {
        Type::Option(inner) | Type::List(inner) => has_field(ty.part(*inner), fields),
        Type::Record(of) => of.iter().any(|(name, part)| name == first && has_field(ty.part(*part), rest)),
        _ => false,
    }
}

/// One constraint, held against one argument.
pub(super) struct Held<'a> {
    constraint: &'a Constraint,
    extent: Extent,
    /// The values of the list that are of a type, by the type.
    listed: HashMap<TypeId, Rc<[Value]>>,
}

impl<'a> Held<'a> {
    pub(super) fn new(constraint: &'a Constraint, extent: Extent) -> Self {
        Self { constraint, extent, listed: HashMap::new() }
    }

    /// What the constraint says of the field of a value to which these names lead, or of the value itself.
    pub(super) fn against(&mut self, ty: TypeRef<'_>, fields: &[String], value: &Value) -> Finding {
        let listed = if fields.is_empty() { self.listed(ty) } else { Rc::from([]) };
        if listed.iter().any(|listed| same(listed, value)) {
            return Finding::Named;
        }
        let parts = match (ty.kind(), value) {
            (Type::Option(_), Value::Option(None)) => return self.none(),
            // An option in an option has two ways to be none, and `absent` means one of them.
            (Type::Option(_), Value::Option(Some(inner))) if **inner == Value::Option(None) => {
                Finding::Unsaid
            }
            (Type::Option(inner), Value::Option(Some(value))) => self.against(ty.part(*inner), fields, value),
            (Type::List(inner), Value::List(values)) => {
                let inner = ty.part(*inner);
                self.all(values.iter(), |held, value| held.against(inner, fields, value))
            }
            (Type::List(inner), Value::Bytes(bytes)) => {
                let inner = ty.part(*inner);
                self.all(bytes.iter(), |held, byte| {
                    held.against(inner, fields, &Value::Unsigned((*byte).into()))
                })
            }
            (Type::Record(of), Value::Record(values)) if !fields.is_empty() => {
                let place = of.iter().zip(values).find(|((name, _), _)| *name == fields[0]);
                place.map_or(Finding::Unsaid, |((_, part), (_, value))| {
                    self.against(ty.part(*part), &fields[1..], value)
                })
            }
            _ if !fields.is_empty() => Finding::Unsaid,
            (Type::Tuple(of), Value::Tuple(values)) => self
                .all(of.iter().zip(values), |held, (part, value)| held.against(ty.part(*part), &[], value)),
            (Type::Flags(_), Value::Flags(names)) => self.all(names.iter(), |held, name| held.text(name)),
            _ => self.single(value),
        };
        match parts {
            // The list has values of the whole, and this is none of them.
            Finding::Unsaid if !listed.is_empty() => Finding::Other,
            parts => parts,
        }
    }

    /// What is said of a value by its parts. One without any is no part's, and so another one.
    fn all<T>(
        &mut self,
        parts: impl Iterator<Item = T>,
        mut against: impl FnMut(&mut Self, T) -> Finding,
    ) -> Finding {
        let extent = self.extent;
        let mut parts = parts.map(|part| against(self, part)).peekable();
        match extent {
            Extent::Every if parts.peek().is_none() => Finding::Other,
            Extent::Every => parts.find(|found| *found != Finding::Named).unwrap_or(Finding::Named),
            Extent::Any => {
                let mut whole = Finding::Other;
                for found in parts {
                    match found {
                        Finding::Named => return Finding::Named,
                        Finding::Unsaid => whole = Finding::Unsaid,
                        Finding::Other => {}
                    }
                }
                whole
            }
        }
    }

    fn none(&self) -> Finding {
        if self.constraint.absent { Finding::Named } else { Finding::Other }
    }

    /// What is said of a value without parts, or of one whose parts nothing but the list can name.
    fn single(&self, value: &Value) -> Finding {
        let is_said = |kind: fn(&Json) -> bool| self.constraint.list.iter().any(kind);
        let number = match value {
            Value::String(text) | Value::Enum(text) | Value::Variant(text, None) => return self.text(text),
            Value::Char(text) => return self.text(text.encode_utf8(&mut [0; 4])),
            Value::Bool(_) => return self.unless_said(is_said(Json::is_boolean)),
            Value::Signed(number) => Number::Whole((*number).into()),
            Value::Unsigned(number) => Number::Whole((*number).into()),
            // By way of its text, so that 0.1 is the 0.1 of the list and not 0.10000000149011612.
            Value::F32(number) => Number::Real(number.to_string().parse().unwrap_or((*number).into())),
            Value::F64(number) => Number::Real(*number),
            _ => return self.unless_said(false),
        };
        match self.constraint.range {
            Some(range) if range.has(number) => Finding::Named,
            Some(_) if !number.is_nan() => Finding::Other,
            _ => self.unless_said(is_said(Json::is_number)),
        }
    }

    /// What is said of a text that is not in the list as a value of its type.
    fn text(&self, text: &str) -> Finding {
        let Constraint { globs, list, .. } = self.constraint;
        let covers = |glob: &Pattern| match self.extent {
            Extent::Every => glob.covers(text),
            Extent::Any => glob.matches(text),
        };
        if globs.iter().any(covers) || list.iter().any(|listed| listed == text) {
            return Finding::Named;
        }
        self.unless_said(!globs.is_empty() || list.iter().any(Json::is_string))
    }

    /// Another value, where the constraint says anything of values of its kind, or of none but those that are there.
    fn unless_said(&self, is_said: bool) -> Finding {
        let Constraint { globs, list, range, .. } = self.constraint;
        let only_absent = globs.is_empty() && list.is_empty() && range.is_none();
        if is_said || only_absent { Finding::Other } else { Finding::Unsaid }
    }

    /// The values of the list that are of this type.
    fn listed(&mut self, ty: TypeRef<'_>) -> Rc<[Value]> {
        let list = &self.constraint.list;
        let of_type = || list.iter().filter_map(|json| from_json(ty, json).ok()).collect();
        self.listed.entry(ty.id()).or_insert_with(of_type).clone()
    }
}

/// Whether two values are the same; NaN is NaN here.
fn same(listed: &Value, given: &Value) -> bool {
    match (listed, given) {
        (Value::F32(a), Value::F32(b)) => a == b || a.is_nan() && b.is_nan(),
        (Value::F64(a), Value::F64(b)) => a == b || a.is_nan() && b.is_nan(),
        _ => listed == given,
    }
}

#[cfg(test)]
mod tests {
    use wire::message::v1::{Method, Type};

    use super::*;

    #[test]
    fn what_has_no_fields_is_not_named_by_what_is_said_of_one() {
        let method = Method {
            interface: None,
            name: "restart".into(),
            params: vec![("unit".into(), Type::String)],
            result: None,
            is_async: false,
            not_callable: None,
            docs: None,
        };
        let methods = method.interned();
        let (_, ty) = methods.iter().next().and_then(|method| method.param(0)).expect("a parameter");
        let constraint: Constraint = toml::from_str("globs = [\"*\"]").expect("a constraint");
        let unit = Value::String("ssh".into());
        for extent in [Extent::Every, Extent::Any] {
            let mut held = Held::new(&constraint, extent);
            assert_eq!(held.against(ty, &["name".to_owned()], &unit), Finding::Unsaid);
            assert_eq!(held.against(ty, &[], &unit), Finding::Named);
        }
    }
}
