//! Whether a constraint can name any argument of a type at all: one that a rule of `deny` has for another type would deny nothing.

use std::collections::HashSet;

use serde_json::Value as Json;

use wire::value::json::from_json;
use wire::value::method::{Type, TypeId, TypeRef};

use crate::access::constraint::Constraint;

/// Whether each thing that a constraint names can be given for the field of a value to which these names lead, or for a part
/// of it.
pub(super) fn fits(constraint: &Constraint, ty: TypeRef<'_>, fields: &[String]) -> bool {
    let Constraint { globs, list, range, .. } = constraint;
    let mut unfit = Unfit {
        globs: !globs.is_empty(),
        list: list.iter().collect(),
        range: range.is_some(),
        seen: HashSet::new(),
    };
    unfit.look(ty, fields);
    unfit.is_empty()
}

/// What of a constraint fits no type that was looked at.
struct Unfit<'a> {
    globs: bool,
    list: Vec<&'a Json>,
    range: bool,
    /// The types that were looked at, each with how many fields were to come: a type may be in many places.
    seen: HashSet<(TypeId, usize)>,
}

impl Unfit<'_> {
    fn is_empty(&self) -> bool {
        !self.globs && !self.range && self.list.is_empty()
    }

    /// Takes out what fits this type or a part of it.
    fn look(&mut self, ty: TypeRef<'_>, fields: &[String]) {
        if self.is_empty() || !self.seen.insert((ty.id(), fields.len())) {
            return;
        }
        if fields.is_empty() {
            self.list.retain(|json| !is_of_kind(ty.kind(), json) && from_json(ty, json).is_err());
            self.globs &= !is_text(ty.kind());
            self.range &= !is_number(ty.kind());
        }
        match ty.kind() {
            Type::Option(inner) | Type::List(inner) => self.look(ty.part(*inner), fields),
            Type::Tuple(of) if fields.is_empty() => {
                of.iter().for_each(|part| self.look(ty.part(*part), fields));
            }
            Type::Record(of) => {
                let Some((first, rest)) = fields.split_first() else { return };
                if let Some((_, part)) = of.iter().find(|(name, _)| name == first) {
                    self.look(ty.part(*part), rest);
                }
            }
            _ => {}
        }
    }
}

/// Whether globs can name values of this type, or their cases or flags.
fn is_text(ty: &Type) -> bool {
    matches!(ty, Type::String | Type::Char | Type::Enum(_) | Type::Variant(_) | Type::Flags(_))
}

fn is_number(ty: &Type) -> bool {
    matches!(
        ty,
        Type::S8
            | Type::U8
            | Type::S16
            | Type::U16
            | Type::S32
            | Type::U32
            | Type::S64
            | Type::U64
            | Type::F32
            | Type::F64
    )
}

/// Whether a value of JSON is of the kind that values of this type have in it, though perhaps none of them.
fn is_of_kind(ty: &Type, json: &Json) -> bool {
    match json {
        Json::String(_) => is_text(ty),
        Json::Number(_) => is_number(ty),
        _ => false,
    }
}
