//! The types that the methods of a module are made of: a table with each of them once.
//!
//! A component shares its types, and written as a tree they grow with every use: a few kilobytes can stand for
//! gibibytes. A table is as large as the component's own.

use std::collections::HashMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::memory::{Held, allocation};
use crate::value::MAX_DEPTH;

/// The most types that the table of a module may have.
pub const MAX_TYPES: usize = 20_000;

/// The place of a type in its table, from 0. It means nothing in another table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TypeId(u32);

impl TypeId {
    /// The place with this number, whether or not a table has it.
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

/// A WIT type. The types that it is made of are places in the same table: see [`TypeRef`] to follow them.
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
    /// The places of the types that this type is directly made of, in order, each as often as it occurs.
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

    /// The same type for another table, in which the types that it is made of have other places.
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

/// A type with its name: what stands at one place of a table.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Definition {
    /// The name that WIT gives the type, which no other row of the table has; `None` where the type has no name.
    pub name: Option<String>,
    /// The type.
    pub ty: Type,
}

/// What is known of a type together with everything that it is made of.
#[derive(Clone, Copy, Debug, Default)]
struct Traits {
    /// How many levels the type has, its own counted.
    depth: usize,
    /// How large the type would be as a tree: a unit for each type in it, and the bytes of memory that their names
    /// take.
    weight: u64,
    /// How large the type is where it is written out: like `weight`, but a type in it that has a name counts as
    /// one unit.
    written: u64,
    /// The first type in it that cannot be passed from outside.
    opaque: Option<TypeId>,
    /// Whether `list<u8>` occurs below the type itself.
    buries_bytes: bool,
}

/// A definition with what is known of it, which is computed when it is added. A peer that sends a definition is
/// charged for both.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Row {
    definition: Definition,
    #[serde(skip)]
    traits: Traits,
}

/// A table of types, each of which stands after those that it is made of. Made by a [`Builder`], or decoded and
/// checked.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(into = "Vec<Row>", try_from = "Vec<Row>")]
pub struct Types {
    rows: Vec<Row>,
}

/// Why a type cannot be put into a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadType {
    /// The table has [`MAX_TYPES`] types already.
    #[error("there are more than {MAX_TYPES} types")]
    TooMany,
    /// The type is made of one that does not stand before it in the table.
    #[error("a type is made of one that is not defined")]
    Undefined,
    /// The type has more levels than a value may have.
    #[error("a type is nested deeper than {MAX_DEPTH} levels")]
    TooDeep,
}

impl Types {
    /// The type at this place; `None` where the table is shorter.
    pub fn get(&self, id: TypeId) -> Option<TypeRef<'_>> {
        (id.place() < self.rows.len()).then_some(TypeRef { types: self, id })
    }

    /// The type at a place that the table is known to have.
    pub(super) fn ty(&self, id: TypeId) -> TypeRef<'_> {
        TypeRef { types: self, id }
    }

    /// All types, each after those that it is made of.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = TypeRef<'_>> {
        (0..self.rows.len()).map(|place| TypeRef { types: self, id: TypeId(place as u32) })
    }

    /// How many types the table has.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether the table has no types.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Adds a definition behind all others.
    fn push(&mut self, definition: Definition) -> Result<TypeId, BadType> {
        if self.rows.len() >= MAX_TYPES {
            return Err(BadType::TooMany);
        }
        let id = TypeId(self.rows.len() as u32);
        let traits = self.traits_of(id, &definition.ty)?;
        self.rows.push(Row { definition, traits });
        Ok(id)
    }

    /// Computes what is known of a type that is about to be added.
    fn traits_of(&self, id: TypeId, ty: &Type) -> Result<Traits, BadType> {
        let opaque = matches!(ty, Type::Opaque(_)).then_some(id);
        let weight = 1 + ty.elsewhere() as u64;
        let mut found = Traits { depth: 1, weight, written: weight, opaque, buries_bytes: false };
        for part in ty.parts() {
            let traits = self.rows.get(part.place()).ok_or(BadType::Undefined)?.traits;
            found.depth = found.depth.max(traits.depth + 1);
            found.weight = found.weight.saturating_add(traits.weight);
            found.opaque = found.opaque.or(traits.opaque);
            let part = TypeRef { types: self, id: part };
            let written = if part.name().is_some() { 1 } else { traits.written };
            found.written = found.written.saturating_add(written);
            found.buries_bytes |= traits.buries_bytes || part.is_bytes();
        }
        if found.depth > MAX_DEPTH { Err(BadType::TooDeep) } else { Ok(found) }
    }
}

impl Held for TypeId {
    fn elsewhere(&self) -> usize {
        0
    }
}

impl Held for Type {
    fn elsewhere(&self) -> usize {
        match self {
            Type::Tuple(types) => types.elsewhere(),
            Type::Record(fields) => fields.elsewhere(),
            Type::Variant(cases) => cases.elsewhere(),
            Type::Enum(names) | Type::Flags(names) => names.elsewhere(),
            Type::Opaque(name) => name.elsewhere(),
            _ => 0,
        }
    }
}

impl Held for Definition {
    fn elsewhere(&self) -> usize {
        self.name.elsewhere() + self.ty.elsewhere()
    }
}

impl Held for Types {
    fn elsewhere(&self) -> usize {
        let rows = self.rows.iter().map(|row| row.definition.elsewhere());
        allocation(self.rows.capacity() * size_of::<Row>()) + rows.sum::<usize>()
    }
}

impl PartialEq for Types {
    fn eq(&self, other: &Self) -> bool {
        self.iter().map(TypeRef::definition).eq(other.iter().map(TypeRef::definition))
    }
}

impl Eq for Types {}

impl std::hash::Hash for Types {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.iter().for_each(|ty| ty.definition().hash(state));
    }
}

impl From<Types> for Vec<Row> {
    fn from(types: Types) -> Self {
        types.rows
    }
}

impl TryFrom<Vec<Row>> for Types {
    type Error = BadType;

    fn try_from(rows: Vec<Row>) -> Result<Self, BadType> {
        let mut types = Types { rows: Vec::with_capacity(rows.len().min(MAX_TYPES)) };
        for row in rows {
            types.push(row.definition)?;
        }
        Ok(types)
    }
}

/// One type, with the table that holds it. A cheap reference; prints by its name, or as WIT writes it.
#[derive(Clone, Copy, Debug)]
pub struct TypeRef<'a> {
    types: &'a Types,
    id: TypeId,
}

impl<'a> TypeRef<'a> {
    /// The place of the type in its table.
    pub fn id(self) -> TypeId {
        self.id
    }

    /// The type itself, whose parts [`TypeRef::part`] follows.
    pub fn kind(self) -> &'a Type {
        &self.definition().ty
    }

    /// The name that WIT gives the type, if it has one.
    pub fn name(self) -> Option<&'a str> {
        self.definition().name.as_deref()
    }

    /// A type that this one is made of, by its place.
    pub fn part(self, id: TypeId) -> TypeRef<'a> {
        // A table holds no type that is made of one that is not in it.
        TypeRef { types: self.types, id }
    }

    /// Like [`TypeRef::part`], for what may carry nothing: a case of a variant, a side of a result.
    pub fn maybe(self, id: Option<TypeId>) -> Option<TypeRef<'a>> {
        id.map(|id| self.part(id))
    }

    /// Whether this is `list<u8>`, which travels as bytes.
    pub fn is_bytes(self) -> bool {
        matches!(self.kind(), Type::List(element) if *self.part(*element).kind() == Type::U8)
    }

    /// Whether this is an integer or a float.
    pub fn is_number(self) -> bool {
        use Type::{F32, F64, S8, S16, S32, S64, U8, U16, U32, U64};
        matches!(self.kind(), S8 | U8 | S16 | U16 | S32 | U32 | S64 | U64 | F32 | F64)
    }

    /// The WIT name of the first thing in this type that makes it impossible to pass from outside; `None` where it
    /// can be passed.
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

    /// How large the type would be as a tree: a unit for each type in it, every time that it occurs, and the bytes
    /// of memory that their names take. Saturates.
    pub fn weight(self) -> u64 {
        self.traits().weight
    }

    /// The bytes of memory that the type's row takes in its table.
    pub fn held(self) -> usize {
        size_of::<Row>() + self.definition().elsewhere()
    }

    /// How large the type is where it is written out, in the units of [`TypeRef::weight`]: a type in it that has a
    /// name counts as one unit.
    pub fn written(self) -> u64 {
        self.traits().written
    }

    fn definition(self) -> &'a Definition {
        &self.types.rows[self.id.place()].definition
    }

    fn traits(self) -> Traits {
        self.types.rows[self.id.place()].traits
    }
}

/// A table in the making, which holds each type once however often it is added.
#[derive(Debug, Default)]
pub struct Builder {
    types: Types,
    places: HashMap<Definition, TypeId>,
    names: HashMap<String, TypeId>,
}

impl Builder {
    /// Adds a type, with its name where it has one. Returns its place, which is the one from before where the same
    /// definition was added before.
    ///
    /// # Errors
    /// [`BadType::TooMany`] where the table is full, [`BadType::TooDeep`] where the type is nested too deep, and
    /// [`BadType::Undefined`] where one of its parts is not in the table.
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

    /// Whether another type of the table has this name.
    pub fn is_taken(&self, name: &str, ty: &Type) -> bool {
        self.names.get(name).is_some_and(|place| self.types.rows[place.place()].definition.ty != *ty)
    }

    /// Adds a type of another table, with all that it is made of. `known` remembers which place of that table
    /// became which place of this one, over all types that are copied from it.
    ///
    /// # Errors
    /// [`BadType::TooMany`] where the table is full.
    pub fn copy(&mut self, ty: TypeRef<'_>, known: &mut HashMap<TypeId, TypeId>) -> Result<TypeId, BadType> {
        if let Some(place) = known.get(&ty.id) {
            return Ok(*place);
        }
        for part in ty.kind().parts() {
            self.copy(ty.part(part), known)?;
        }
        // All parts have places in this table by now.
        let place = self.add(ty.name(), ty.kind().moved(|part| known.get(&part).copied().unwrap_or(part)))?;
        known.insert(ty.id, place);
        Ok(place)
    }

    /// The types that were added so far.
    pub fn types(&self) -> &Types {
        &self.types
    }

    /// The finished table, with no memory set aside for more.
    pub fn build(self) -> Types {
        let mut types = self.types;
        types.rows.shrink_to_fit();
        types
    }
}
