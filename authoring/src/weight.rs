//! How much a generator of bindings has to write for a world, found out before it writes.
//!
//! WIT names a type once and refers to it, and generators write what a function passes as a tree. So a few lines,
//! each a pair of what the line before has, are more than any memory holds.

use std::collections::HashMap;

use wit_bindgen_core::wit_parser::{
    Function, InterfaceId, Resolve, Type, TypeDefKind, TypeId, WorldId, WorldItem,
};

/// What was found of a world.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Weight {
    /// What generators are known to lack, each with the function that has it.
    pub(super) unusual: Vec<String>,
    functions: u64,
    parts: u64,
}

impl Weight {
    /// Weighs a world, or says why it is too much.
    pub(super) fn of(resolve: &Resolve, world: WorldId) -> Result<Self, String> {
        let mut scales = Scales { resolve, known: HashMap::new(), weight: Self::default() };
        let world = &resolve.worlds[world];
        for item in world.imports.values().chain(world.exports.values()) {
            match item {
                WorldItem::Interface { id, .. } => scales.interface(*id)?,
                WorldItem::Function(function) => scales.function(function, "the world")?,
                WorldItem::Type { id, .. } => scales.named(*id)?,
            }
        }
        Ok(scales.weight)
    }
}

struct Scales<'a> {
    resolve: &'a Resolve,
    known: HashMap<TypeId, Tree>,
    weight: Weight,
}

/// A type as a tree.
#[derive(Clone, Copy, Default)]
struct Tree {
    parts: u64,
    depth: u64,
    /// What generators are known to lack.
    unusual: Option<&'static str>,
}

impl Tree {
    fn and(self, other: Self) -> Self {
        Self {
            parts: self.parts.saturating_add(other.parts),
            depth: self.depth.max(other.depth),
            unusual: self.unusual.or(other.unusual),
        }
    }
}

impl Scales<'_> {
    fn interface(&mut self, id: InterfaceId) -> Result<(), String> {
        let interface = &self.resolve.interfaces[id];
        let place = self.resolve.id_of(id).or_else(|| interface.name.clone());
        let place = place.map_or_else(|| "an interface".to_owned(), |name| format!("\"{name}\""));
        for id in interface.types.values() {
            self.named(*id)?;
        }
        interface.functions.values().try_for_each(|function| self.function(function, &place))
    }

    fn named(&mut self, id: TypeId) -> Result<(), String> {
        let tree = self.definition(id);
        let name = self.resolve.types[id].name.as_deref().unwrap_or("a type");
        self.add(tree, || format!("the type \"{name}\""))
    }

    fn function(&mut self, function: &Function, place: &str) -> Result<(), String> {
        let types = function.params.iter().map(|param| &param.ty).chain(&function.result);
        let tree = types.map(|ty| self.tree(ty)).fold(Tree::default(), Tree::and);
        let name = || format!("the function \"{}\" of {place}", function.name);
        if let Some(unusual) = tree.unusual.or_else(|| function.kind.is_async().then_some("`async`"))
            && self.weight.unusual.len() < NAMED
        {
            self.weight.unusual.push(format!("{} has {unusual}", name()));
        }
        self.weight.functions += 1;
        if self.weight.functions > MAX_FUNCTIONS {
            return Err(format!("it has more than {MAX_FUNCTIONS} functions; take several modules"));
        }
        self.add(tree, name)
    }

    fn add(&mut self, tree: Tree, name: impl Fn() -> String) -> Result<(), String> {
        if tree.depth > MAX_DEPTH {
            let depth = tree.depth;
            let name = name();
            return Err(format!(
                "{name} is {depth} types deep, one within the other, and {MAX_DEPTH} are taken; make them flatter"
            ));
        }
        self.weight.parts = self.weight.parts.saturating_add(tree.parts);
        if self.weight.parts > MAX_PARTS {
            let (name, parts) = (name(), tree.parts);
            return Err(format!(
                "written out wherever they are used, its types have more than {MAX_PARTS} parts, and {name} alone has \
                 {parts}; pass a list, or make the types flatter"
            ));
        }
        Ok(())
    }

    fn tree(&mut self, ty: &Type) -> Tree {
        match ty {
            Type::Id(id) => self.definition(*id),
            Type::ErrorContext => Tree { parts: 1, depth: 1, unusual: Some("`error-context`") },
            _ => Tree { parts: 1, depth: 1, unusual: None },
        }
    }

    /// A type that was defined, each looked at once. The stack is that of [`supervised`](super::supervised).
    fn definition(&mut self, id: TypeId) -> Tree {
        if let Some(known) = self.known.get(&id) {
            return *known;
        }
        let kind = &self.resolve.types[id].kind;
        let parts = parts(kind).into_iter().map(|ty| self.tree(ty)).fold(Tree::default(), Tree::and);
        let unusual = match kind {
            TypeDefKind::FixedLengthList(..) => Some("a list of fixed length"),
            TypeDefKind::Map(..) => Some("a `map`"),
            TypeDefKind::Future(_) => Some("a `future`"),
            TypeDefKind::Stream(_) => Some("a `stream`"),
            _ => None,
        };
        let tree = Tree {
            parts: parts.parts.saturating_add(1),
            depth: parts.depth + 1,
            unusual: unusual.or(parts.unusual),
        };
        self.known.insert(id, tree);
        tree
    }
}

/// The types that a type is made of. What a handle refers to is not part of it.
fn parts(kind: &TypeDefKind) -> Vec<&Type> {
    match kind {
        TypeDefKind::Record(record) => record.fields.iter().map(|field| &field.ty).collect(),
        TypeDefKind::Tuple(tuple) => tuple.types.iter().collect(),
        TypeDefKind::Variant(variant) => variant.cases.iter().filter_map(|case| case.ty.as_ref()).collect(),
        TypeDefKind::Result(result) => result.ok.iter().chain(&result.err).collect(),
        TypeDefKind::Option(ty)
        | TypeDefKind::List(ty)
        | TypeDefKind::FixedLengthList(ty, _)
        | TypeDefKind::Type(ty) => vec![ty],
        TypeDefKind::Map(key, value) => vec![key, value],
        TypeDefKind::Future(ty) | TypeDefKind::Stream(ty) => ty.iter().collect(),
        TypeDefKind::Resource
        | TypeDefKind::Handle(_)
        | TypeDefKind::Flags(_)
        | TypeDefKind::Enum(_)
        | TypeDefKind::Unknown => Vec::new(),
    }
}

/// Parts of all types, each written out wherever it is used.
const MAX_PARTS: u64 = 500_000;
const MAX_FUNCTIONS: u64 = 10_000;
/// As deep as one type may be written in WIT without names.
const MAX_DEPTH: u64 = 100;
/// How many unusual functions are named.
const NAMED: usize = 3;
