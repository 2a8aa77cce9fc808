//! The types that the methods of a module are made of: a table with each of them once.
//!
//! A component shares its types, and a tree of them grows with every use: a few kilobytes can stand for
//! gibibytes. A table is as large as the component's own.

use std::collections::HashMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::budget::allocation;
use crate::held::Held;
use crate::value::MAX_DEPTH;

/// The most types that a module may have.
pub const MAX_TYPES: usize = 20_000;

/// Where a type is in its table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TypeId(u32);

impl TypeId {
    /// The place with this number, of which it is not known whether there is one.
    #[cfg(test)]
    pub(super) fn of(place: u32) -> Self {
        Self(place)
    }

    pub(super) fn place(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for TypeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A WIT type. What it is made of is in the same table.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
    List(TypeId),
    Tuple(Vec<TypeId>),
    Record(Vec<(String, TypeId)>),
    Variant(Vec<(String, Option<TypeId>)>),
    Enum(Vec<String>),
    Option(TypeId),
    Result(Option<TypeId>, Option<TypeId>),
    Flags(Vec<String>),
    /// Something that cannot be passed from outside, by its WIT name (`stream`, `own<file>`).
    Opaque(String),
}

impl Type {
    /// The types that it is made of, in order.
    pub fn parts(&self) -> Vec<TypeId> {
        match self {
            Type::List(inner) | Type::Option(inner) => vec![*inner],
            Type::Tuple(types) => types.clone(),
            Type::Record(fields) => fields.iter().map(|(_, ty)| *ty).collect(),
            Type::Variant(cases) => cases.iter().filter_map(|(_, ty)| *ty).collect(),
            Type::Result(ok, err) => [*ok, *err].into_iter().flatten().collect(),
            _ => Vec::new(),
        }
    }

    /// The same type in another table, where what it is made of is elsewhere.
    fn moved(&self, to: impl Fn(TypeId) -> TypeId) -> Type {
        match self {
            Type::List(inner) => Type::List(to(*inner)),
            Type::Option(inner) => Type::Option(to(*inner)),
            Type::Tuple(types) => Type::Tuple(types.iter().map(|ty| to(*ty)).collect()),
            Type::Record(fields) => {
                Type::Record(fields.iter().map(|(name, ty)| (name.clone(), to(*ty))).collect())
            }
            Type::Variant(cases) => {
                Type::Variant(cases.iter().map(|(name, ty)| (name.clone(), ty.map(&to))).collect())
            }
            Type::Result(ok, err) => Type::Result(ok.map(&to), err.map(&to)),
            other => other.clone(),
        }
    }
}

/// One row of a table.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Definition {
    /// The name that WIT gives it, unlike that of every other row; nothing where it has none.
    pub name: Option<String>,
    /// What it is.
    pub ty: Type,
}

/// What is known of a type and everything that it is made of.
#[derive(Clone, Copy, Debug)]
struct Traits {
    /// How many levels there are, with its own.
    depth: usize,
    /// How large it would be as a tree: a unit for each type, and the bytes of memory that its names take.
    weight: u64,
    /// The first thing in it that cannot be passed from outside.
    opaque: Option<TypeId>,
    /// Whether `list<u8>` occurs below it.
    buries_bytes: bool,
}

/// A table of types, each before those that are made of it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(into = "Vec<Definition>", try_from = "Vec<Definition>")]
pub struct Types {
    definitions: Vec<Definition>,
    /// One for each definition, found when it was added.
    traits: Vec<Traits>,
}

/// Why a type does not go into a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadType {
    /// There are enough in it.
    #[error("there are more than {MAX_TYPES} types")]
    TooMany,
    /// It is made of one that is not in the table before it.
    #[error("a type is made of one that is not defined")]
    Undefined,
    /// It has more levels than a value may have.
    #[error("a type is nested deeper than {MAX_DEPTH} levels")]
    TooDeep,
}

impl Types {
    /// The type at this place, if there is one.
    pub fn get(&self, id: TypeId) -> Option<TypeRef<'_>> {
        (id.place() < self.definitions.len()).then_some(TypeRef { types: self, id })
    }

    /// The type at this place, where it is known that there is one.
    pub(super) fn ty(&self, id: TypeId) -> TypeRef<'_> {
        TypeRef { types: self, id }
    }

    /// All types, each after those that it is made of.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = TypeRef<'_>> {
        (0..self.definitions.len()).map(|place| TypeRef { types: self, id: TypeId(place as u32) })
    }

    /// How many types there are.
    pub fn len(&self) -> usize {
        self.definitions.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.definitions.is_empty()
    }

    /// Adds a row.
    fn push(&mut self, definition: Definition) -> Result<TypeId, BadType> {
        if self.definitions.len() >= MAX_TYPES {
            return Err(BadType::TooMany);
        }
        let id = TypeId(self.definitions.len() as u32);
        let traits = self.traits_of(id, &definition.ty)?;
        self.definitions.push(definition);
        self.traits.push(traits);
        Ok(id)
    }

    /// What is known of a type that is about to be added.
    fn traits_of(&self, id: TypeId, ty: &Type) -> Result<Traits, BadType> {
        let opaque = matches!(ty, Type::Opaque(_)).then_some(id);
        let weight = 1 + ty.elsewhere() as u64;
        let mut found = Traits { depth: 1, weight, opaque, buries_bytes: false };
        for part in ty.parts() {
            let traits = self.traits.get(part.place()).ok_or(BadType::Undefined)?;
            found.depth = found.depth.max(traits.depth + 1);
            found.weight = found.weight.saturating_add(traits.weight);
            found.opaque = found.opaque.or(traits.opaque);
            let part = TypeRef { types: self, id: part };
            found.buries_bytes |= traits.buries_bytes || part.is_bytes();
        }
        if found.depth > MAX_DEPTH { Err(BadType::TooDeep) } else { Ok(found) }
    }
}

impl Held for Types {
    fn elsewhere(&self) -> usize {
        allocation(self.traits.capacity() * size_of::<Traits>()) + self.definitions.elsewhere()
    }
}

impl PartialEq for Types {
    fn eq(&self, other: &Self) -> bool {
        self.definitions == other.definitions
    }
}

impl Eq for Types {}

impl std::hash::Hash for Types {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.definitions.hash(state);
    }
}

impl From<Types> for Vec<Definition> {
    fn from(types: Types) -> Self {
        types.definitions
    }
}

impl TryFrom<Vec<Definition>> for Types {
    type Error = BadType;

    fn try_from(definitions: Vec<Definition>) -> Result<Self, BadType> {
        let mut types = Types::default();
        for definition in definitions {
            types.push(definition)?;
        }
        Ok(types)
    }
}

/// One type, with the table that it is in.
#[derive(Clone, Copy, Debug)]
pub struct TypeRef<'a> {
    types: &'a Types,
    id: TypeId,
}

impl<'a> TypeRef<'a> {
    /// Where it is in its table.
    pub fn id(self) -> TypeId {
        self.id
    }

    /// What it is.
    pub fn kind(self) -> &'a Type {
        &self.definition().ty
    }

    /// The name that WIT gives it.
    pub fn name(self) -> Option<&'a str> {
        self.definition().name.as_deref()
    }

    /// A type that this one is made of.
    pub fn part(self, id: TypeId) -> TypeRef<'a> {
        // A table holds nothing that is made of what is not in it.
        TypeRef { types: self.types, id }
    }

    /// The same for what carries nothing at times: a case of a variant, a side of a result.
    pub fn maybe(self, id: Option<TypeId>) -> Option<TypeRef<'a>> {
        id.map(|id| self.part(id))
    }

    /// Whether this is `list<u8>`, which travels as bytes.
    pub fn is_bytes(self) -> bool {
        matches!(self.kind(), Type::List(element) if *self.part(*element).kind() == Type::U8)
    }

    /// The first thing in this type that makes it impossible to pass, if there is one.
    pub fn opaque(self) -> Option<&'a str> {
        match self.part(self.traits().opaque?).kind() {
            Type::Opaque(name) => Some(name),
            _ => None,
        }
    }

    /// Whether `list<u8>` occurs anywhere below this type, the type itself left out.
    pub fn buries_bytes(self) -> bool {
        self.traits().buries_bytes
    }

    /// How large it would be as a tree: a unit for each type in it, every time that it occurs, and the bytes of
    /// memory that its names take.
    pub fn weight(self) -> u64 {
        self.traits().weight
    }

    /// Bytes of memory that its row takes.
    pub fn held(self) -> usize {
        size_of::<Traits>() + self.definition().held()
    }

    fn definition(self) -> &'a Definition {
        &self.types.definitions[self.id.place()]
    }

    fn traits(self) -> Traits {
        self.types.traits[self.id.place()]
    }
}

/// A table in the making, which puts each type into it once.
#[derive(Debug, Default)]
pub struct Builder {
    types: Types,
    places: HashMap<Definition, TypeId>,
    names: HashMap<String, TypeId>,
}

impl Builder {
    /// The place of a type, with its name where it has one: the same place as before where it was added before.
    ///
    /// # Errors
    /// Where the table would be too large, or the type nested too deep.
    pub fn add(&mut self, name: Option<&str>, ty: Type) -> Result<TypeId, BadType> {
        let definition = Definition { name: name.map(str::to_owned), ty };
        if let Some(place) = self.places.get(&definition) {
            return Ok(*place);
        }
        let place = self.types.push(definition.clone())?;
        if let Some(name) = name {
            self.names.insert(name.to_owned(), place);
        }
        self.places.insert(definition, place);
        Ok(place)
    }

    /// Whether a type has this name already, and is another one.
    pub fn is_taken(&self, name: &str, ty: &Type) -> bool {
        self.names.get(name).is_some_and(|place| self.types.definitions[place.place()].ty != *ty)
    }

    /// Adds a type of another table, with all that it is made of.
    ///
    /// # Errors
    /// Where the table would be too large.
    pub fn copy(&mut self, ty: TypeRef<'_>, known: &mut HashMap<TypeId, TypeId>) -> Result<TypeId, BadType> {
        if let Some(place) = known.get(&ty.id) {
            return Ok(*place);
        }
        for part in ty.kind().parts() {
            self.copy(ty.part(part), known)?;
        }
        // All parts are known by now.
        let place = self.add(ty.name(), ty.kind().moved(|part| known.get(&part).copied().unwrap_or(part)))?;
        known.insert(ty.id, place);
        Ok(place)
    }

    /// The types so far.
    pub fn types(&self) -> &Types {
        &self.types
    }

    /// The table.
    pub fn build(self) -> Types {
        self.types
    }
}
