//! The types of a component, brought into the table that the rest of the system knows them by.
//!
//! The validator has each type once however often it is used, and each with the name under which it is exported.
//! Nothing here grows with the size that types would have as trees.

use std::collections::HashMap;

use wasmparser::PrimitiveValType;
use wasmparser::component_types::{
    ComponentAnyTypeId, ComponentDefinedType, ComponentDefinedTypeId, ComponentEntityType, ComponentValType,
};
use wasmparser::names::KebabString;
use wasmparser::types::TypesRef;
use wire::value::MAX_DEPTH;
use wire::value::method::{BadType, Builder, Type, TypeId, Types};

/// Brings the types of a component into a table.
pub(in crate::sandbox) struct Reflector<'a> {
    types: TypesRef<'a>,
    table: Builder,
    /// The place in the table of each type that was met before.
    known: HashMap<ComponentDefinedTypeId, TypeId>,
    /// The name under which a type is exported, and the interface that exports it.
    names: HashMap<ComponentDefinedTypeId, (String, Option<String>)>,
}

impl<'a> Reflector<'a> {
    /// A reflector of these types, with an empty table.
    pub(in crate::sandbox) fn new(types: TypesRef<'a>) -> Self {
        Self { types, table: Builder::default(), known: HashMap::new(), names: HashMap::new() }
    }

    /// Notes the name under which a type is exported, by an interface or at the root.
    pub(in crate::sandbox) fn name(
        &mut self,
        interface: Option<&str>,
        name: &str,
        exported: &ComponentEntityType,
    ) {
        let ComponentEntityType::Type { created: ComponentAnyTypeId::Defined(id), .. } = exported else {
            return;
        };
        self.names.entry(*id).or_insert_with(|| (name.to_owned(), interface.map(str::to_owned)));
    }

    /// The place of a type in the table, into which it is put if it is not there.
    ///
    /// # Errors
    /// [`BadType`], where there is no room for it.
    pub(in crate::sandbox) fn reflect(&mut self, ty: &ComponentValType) -> Result<TypeId, BadType> {
        match ty {
            ComponentValType::Primitive(primitive) => self.table.add(None, of_primitive(*primitive)),
            ComponentValType::Type(id) => self.defined(*id),
        }
    }

    /// The place of a type that the component does not have itself.
    ///
    /// # Errors
    /// [`BadType`], where there is no room for it.
    pub(in crate::sandbox) fn add(&mut self, ty: Type) -> Result<TypeId, BadType> {
        self.table.add(None, ty)
    }

    /// The types that are in the table so far.
    pub(in crate::sandbox) fn types(&self) -> &Types {
        self.table.types()
    }

    /// The table, once all types are in it.
    pub(in crate::sandbox) fn finish(self) -> Types {
        self.table.build()
    }

    /// The place of a type that has a definition. The validator bounds how deep definitions are nested.
    fn defined(&mut self, id: ComponentDefinedTypeId) -> Result<TypeId, BadType> {
        if let Some(place) = self.known.get(&id) {
            return Ok(*place);
        }
        let types = self.types;
        let kind = self.kind(&types[id])?;
        let name = self.name_of(id, &kind);
        let place = match self.table.add(name.as_deref(), kind) {
            // A type with too many levels is no reason to refuse the module: methods that take it cannot be
            // called.
            Err(BadType::TooDeep) => self.table.add(None, Type::Opaque(too_deep()))?,
            added => added?,
        };
        self.known.insert(id, place);
        Ok(place)
    }

    fn kind(&mut self, ty: &ComponentDefinedType) -> Result<Type, BadType> {
        Ok(match ty {
            ComponentDefinedType::Primitive(primitive) => of_primitive(*primitive),
            ComponentDefinedType::Record(record) => {
                let field =
                    |(name, ty): (&KebabString, &ComponentValType)| Ok((name.to_string(), self.reflect(ty)?));
                Type::Record(record.fields.iter().map(field).collect::<Result<_, _>>()?)
            }
            ComponentDefinedType::Variant(variant) => {
                let mut cases = Vec::with_capacity(variant.cases.len());
                for (name, case) in &variant.cases {
                    cases.push((name.to_string(), self.maybe(case.ty.as_ref())?));
                }
                Type::Variant(cases)
            }
            ComponentDefinedType::List { element, .. } => Type::List(self.reflect(element)?),
            ComponentDefinedType::Tuple(tuple) => {
                let types = tuple.types.iter().map(|ty| self.reflect(ty));
                Type::Tuple(types.collect::<Result<_, _>>()?)
            }
            ComponentDefinedType::Flags(names) => {
                Type::Flags(names.iter().map(ToString::to_string).collect())
            }
            ComponentDefinedType::Enum(cases) => Type::Enum(cases.iter().map(ToString::to_string).collect()),
            ComponentDefinedType::Option { ty, .. } => Type::Option(self.reflect(ty)?),
            ComponentDefinedType::Result { ok, err, .. } => {
                Type::Result(self.maybe(ok.as_ref())?, self.maybe(err.as_ref())?)
            }
            ComponentDefinedType::Own(_) | ComponentDefinedType::Borrow(_) => Type::Opaque("resource".into()),
            ComponentDefinedType::Future { ty, .. } => self.generic("future", ty.as_ref())?,
            ComponentDefinedType::Stream { ty, .. } => self.generic("stream", ty.as_ref())?,
            ComponentDefinedType::Map { .. } => Type::Opaque("map".into()),
            ComponentDefinedType::FixedLengthList { .. } => Type::Opaque("list of fixed length".into()),
        })
    }

    fn maybe(&mut self, ty: Option<&ComponentValType>) -> Result<Option<TypeId>, BadType> {
        ty.map(|ty| self.reflect(ty)).transpose()
    }

    /// The type `stream<u8>`, or `stream` where it carries nothing; and others of that form.
    fn generic(&mut self, word: &str, element: Option<&ComponentValType>) -> Result<Type, BadType> {
        let element = self.maybe(element)?.and_then(|place| self.table.types().get(place));
        let element = element.map(|ty| format!("<{}>", clipped(&ty.to_string()))).unwrap_or_default();
        Ok(Type::Opaque(format!("{word}{element}")))
    }

    /// The name of a type: the one that it is exported under, with its interface where another type has that name.
    fn name_of(&self, id: ComponentDefinedTypeId, kind: &Type) -> Option<String> {
        let aliases = std::iter::successors(Some(id), |id| self.types.peel_alias(*id));
        let (name, interface) = aliases.into_iter().find_map(|id| self.names.get(&id))?;
        let interface = interface.as_deref().unwrap_or_default();
        let path = interface.split('@').next().unwrap_or_default();
        let short = path.rsplit('/').next().unwrap_or_default();
        let mut candidates =
            [name.clone(), format!("{short}/{name}"), format!("{interface}/{name}")].into_iter();
        candidates.find(|candidate| !self.table.is_taken(candidate, kind))
    }
}

fn of_primitive(ty: PrimitiveValType) -> Type {
    match ty {
        PrimitiveValType::Bool => Type::Bool,
        PrimitiveValType::S8 => Type::S8,
        PrimitiveValType::U8 => Type::U8,
        PrimitiveValType::S16 => Type::S16,
        PrimitiveValType::U16 => Type::U16,
        PrimitiveValType::S32 => Type::S32,
        PrimitiveValType::U32 => Type::U32,
        PrimitiveValType::S64 => Type::S64,
        PrimitiveValType::U64 => Type::U64,
        PrimitiveValType::F32 => Type::F32,
        PrimitiveValType::F64 => Type::F64,
        PrimitiveValType::Char => Type::Char,
        PrimitiveValType::String => Type::String,
        PrimitiveValType::ErrorContext => Type::Opaque("error-context".into()),
    }
}

/// The beginning of a text that may be long, to be a name in the table.
fn clipped(text: &str) -> String {
    match text.char_indices().nth(MAX_ELEMENT) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

/// The most characters of the name of what a stream carries.
const MAX_ELEMENT: usize = 100;

/// The name that stands in the place of a type with more levels than a value may have. What takes such a type
/// cannot be called.
fn too_deep() -> String {
    format!("type nested deeper than {MAX_DEPTH} levels")
}
