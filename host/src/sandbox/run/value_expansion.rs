//! How much more memory a value takes while it is passed than the engine counts for it.

use std::collections::HashMap;

use wasmtime::component::Val;
use wire::value::method::{Type, TypeId, TypeRef};

/// How many times as much memory as the engine counts a value of this type can take while it is passed. The engine
/// counts the elements of lists, tuples and records, and not the boxes of what is within an option, a variant or a
/// result.
pub(in crate::sandbox) fn expansion(ty: TypeRef<'_>) -> u64 {
    Expansion::default().of(ty)
}

/// How many bytes the engine counts for a value in its place, without the elements of lists, and how many it
/// takes.
#[derive(Clone, Copy)]
struct Passing {
    counted: u64,
    taken: u64,
}

/// What was found of each type: types share their parts, so each is looked at once.
#[derive(Default)]
struct Expansion {
    worst: HashMap<TypeId, u64>,
    passing: HashMap<TypeId, Passing>,
}

impl Expansion {
    fn of(&mut self, ty: TypeRef<'_>) -> u64 {
        if let Some(worst) = self.worst.get(&ty.id()) {
            return *worst;
        }
        let parts = ty.kind().parts().into_iter().map(|part| ty.part(part));
        let mut worst = parts.map(|part| self.of(part)).max().unwrap_or(1);
        if let Type::List(element) = ty.kind() {
            let Passing { counted, taken } = self.passing(ty.part(*element));
            worst = worst.max(taken.div_ceil(counted.max(1)));
        }
        self.worst.insert(ty.id(), worst);
        worst
    }

    fn passing(&mut self, ty: TypeRef<'_>) -> Passing {
        if let Some(passing) = self.passing.get(&ty.id()) {
            return *passing;
        }
        let Passing { counted, taken } = self.beside_its_place(ty);
        let passing = Passing { counted: counted.saturating_add(PLACE), taken: taken.saturating_add(PLACE) };
        self.passing.insert(ty.id(), passing);
        passing
    }

    /// The same without the bytes of the place itself.
    fn beside_its_place(&mut self, ty: TypeRef<'_>) -> Passing {
        let parts = |ty: TypeRef<'_>| ty.kind().parts();
        match ty.kind() {
            Type::Tuple(types) => {
                let parts = types.iter().map(|part| self.passing(ty.part(*part)));
                parts.fold(Passing { counted: 0, taken: BLOCK }, Passing::and)
            }
            Type::Record(fields) => {
                let named = fields.iter().map(|(name, part)| {
                    let (field, length) = (self.passing(ty.part(*part)), name.len() as u64);
                    let name = length + BLOCK + size_of::<String>() as u64;
                    field.and(Passing { counted: length, taken: name })
                });
                named.fold(Passing { counted: 0, taken: BLOCK }, Passing::and)
            }
            Type::Variant(_) | Type::Option(_) | Type::Result(..) => {
                // Each side takes as much as the largest does; the worst is the one that the engine counts least
                // for.
                let sides = parts(ty).into_iter().map(|part| {
                    let Passing { counted, taken } = self.passing(ty.part(part));
                    Passing { counted: counted.saturating_sub(PLACE), taken: taken.saturating_add(BLOCK) }
                });
                let worst = sides.max_by_key(|side| side.taken.div_ceil(side.counted.saturating_add(1)));
                worst
                    .unwrap_or(Passing { counted: 0, taken: 0 })
                    .and(Passing { counted: 0, taken: 2 * BLOCK })
            }
            Type::Enum(_) => Passing { counted: 0, taken: 2 * BLOCK },
            Type::Flags(names) => {
                let taken = names.iter().map(|name| name.len() as u64 + 3 * BLOCK).sum();
                Passing { counted: 0, taken }
            }
            Type::List(_) | Type::String => Passing { counted: 0, taken: BLOCK },
            _ => Passing { counted: 0, taken: 0 },
        }
    }
}

impl Passing {
    fn and(self, other: Self) -> Self {
        Self {
            counted: self.counted.saturating_add(other.counted),
            taken: self.taken.saturating_add(other.taken),
        }
    }
}

/// The bytes of the place of a value among others.
const PLACE: u64 = size_of::<Val>() as u64;
/// How many bytes a small block of memory takes beyond those that were asked for.
const BLOCK: u64 = 16;

#[cfg(test)]
mod tests {
    use wire::message::v1::Type;

    use super::*;

    fn of(ty: Type) -> u64 {
        expansion(ty.interned().get())
    }

    #[test]
    fn what_has_boxes_within_boxes_takes_many_times_what_is_counted() {
        assert_eq!(of(Type::List(Box::new(Type::U64))), 1);
        let plain = Type::Record(vec![("a".into(), Type::String), ("b".into(), Type::U8)]);
        assert!(of(Type::List(Box::new(plain))) <= 4);
        let nested = (0..60).fold(Type::U8, |ty, _| Type::Option(Box::new(ty)));
        assert!(of(Type::Tuple(vec![Type::List(Box::new(nested))])) > 60);
    }
}
