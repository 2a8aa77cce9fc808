//! What version 1 of the messages says of modules: each signature is a tree of types, without their names.
//!
//! The types here are as version 1 has them, and never change again: minions and operators of that version are in
//! use, and ledgers hold what was written in it.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::digest::Digest;
use crate::message::module_version::{ModuleState, ModuleVersion};
use crate::name::ModuleName;
use crate::value::method::{self, BadType, Builder, Methods, Signature, TypeId, TypeRef};
use crate::value::{Level, TooDeep};

/// The largest signature that a peer of version 1 is told of, as a tree and in the units of [`TypeRef::weight`].
const MAX_TREE: u64 = 64 << 10;

/// The same for all signatures of a module together.
const MAX_TREES: u64 = 1 << 20;

/// A WIT type as a tree. The names of records and variants are not part of it.
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
    Opaque(String),
}

impl Serialize for Type {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Type::serialize(self, serializer)
    }
}

impl<'de> Deserialize<'de> for Type {
    /// Fails beyond [`crate::value::MAX_DEPTH`] levels.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let _level = Level::enter().ok_or_else(|| D::Error::custom(TooDeep))?;
        Type::deserialize(deserializer)
    }
}

/// One function that a module exports.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Method {
    pub interface: Option<String>,
    pub name: String,
    pub params: Vec<(String, Type)>,
    pub result: Option<Type>,
    pub is_async: bool,
    pub not_callable: Option<String>,
    pub docs: Option<String>,
}

/// A module as a minion has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Module {
    pub name: ModuleName,
    pub version: Option<String>,
    pub digest: Digest,
    pub description: Option<String>,
    pub state: ModuleState,
    pub methods: Vec<Method>,
    pub imports: Vec<String>,
    pub versions: Vec<ModuleVersion>,
}

impl Type {
    /// Puts the type into a table.
    fn intern(&self, table: &mut Builder) -> Result<TypeId, BadType> {
        use method::Type as Kind;
        let mut inner = |ty: &Type| ty.intern(table);
        let kind = match self {
            Type::Bool => Kind::Bool,
            Type::S8 => Kind::S8,
            Type::U8 => Kind::U8,
            Type::S16 => Kind::S16,
            Type::U16 => Kind::U16,
            Type::S32 => Kind::S32,
            Type::U32 => Kind::U32,
            Type::S64 => Kind::S64,
            Type::U64 => Kind::U64,
            Type::F32 => Kind::F32,
            Type::F64 => Kind::F64,
            Type::Char => Kind::Char,
            Type::String => Kind::String,
            Type::List(ty) => Kind::List(inner(ty)?),
            Type::Tuple(types) => Kind::Tuple(types.iter().map(inner).collect::<Result<_, _>>()?),
            Type::Record(fields) => {
                let field = |(name, ty): &(String, Type)| Ok((name.clone(), inner(ty)?));
                Kind::Record(fields.iter().map(field).collect::<Result<_, _>>()?)
            }
            Type::Variant(cases) => {
                let case = |(name, ty): &(String, Option<Type>)| {
                    Ok((name.clone(), ty.as_ref().map(&mut inner).transpose()?))
                };
                Kind::Variant(cases.iter().map(case).collect::<Result<_, _>>()?)
            }
            Type::Enum(cases) => Kind::Enum(cases.clone()),
            Type::Option(ty) => Kind::Option(inner(ty)?),
            Type::Result(ok, err) => {
                let ok = ok.as_deref().map(&mut inner).transpose()?;
                Kind::Result(ok, err.as_deref().map(inner).transpose()?)
            }
            Type::Flags(names) => Kind::Flags(names.clone()),
            Type::Opaque(name) => Kind::Opaque(name.clone()),
        };
        table.add(None, kind)
    }

    /// The type of a table as a tree.
    fn tree(ty: TypeRef<'_>) -> Self {
        use method::Type as Kind;
        let tree = |id: &TypeId| Type::tree(ty.part(*id));
        let boxed = |id: &TypeId| Box::new(tree(id));
        match ty.kind() {
            Kind::Bool => Type::Bool,
            Kind::S8 => Type::S8,
            Kind::U8 => Type::U8,
            Kind::S16 => Type::S16,
            Kind::U16 => Type::U16,
            Kind::S32 => Type::S32,
            Kind::U32 => Type::U32,
            Kind::S64 => Type::S64,
            Kind::U64 => Type::U64,
            Kind::F32 => Type::F32,
            Kind::F64 => Type::F64,
            Kind::Char => Type::Char,
            Kind::String => Type::String,
            Kind::List(inner) => Type::List(boxed(inner)),
            Kind::Tuple(types) => Type::Tuple(types.iter().map(tree).collect()),
            Kind::Record(fields) => {
                Type::Record(fields.iter().map(|(name, ty)| (name.clone(), tree(ty))).collect())
            }
            Kind::Variant(cases) => {
                Type::Variant(cases.iter().map(|(name, ty)| (name.clone(), ty.as_ref().map(tree))).collect())
            }
            Kind::Enum(cases) => Type::Enum(cases.clone()),
            Kind::Option(inner) => Type::Option(boxed(inner)),
            Kind::Result(ok, err) => Type::Result(ok.as_ref().map(boxed), err.as_ref().map(boxed)),
            Kind::Flags(names) => Type::Flags(names.clone()),
            Kind::Opaque(name) => Type::Opaque(name.clone()),
        }
    }
}

/// Puts methods in the form of version 1 into one table. A method for whose types there is no room cannot be
/// called.
pub(crate) fn methods(old: Vec<Method>) -> Methods {
    let mut table = Builder::default();
    let methods = old.into_iter().map(|method| method.intern(&mut table)).collect();
    // Every type is in the table that it was put into.
    Methods::new(table.build(), methods).unwrap_or_default()
}

/// The places of the types of the parameters and of the result.
type Places = (Vec<(String, TypeId)>, Option<TypeId>);

impl Method {
    fn intern(self, table: &mut Builder) -> method::Method {
        let (interned, refused) = match self.intern_types(table) {
            Ok(types) => (types, None),
            Err(error) => ((Vec::new(), None), Some(format!("its signature is too large: {error}"))),
        };
        let (params, result) = interned;
        method::Method {
            interface: self.interface,
            name: self.name,
            params,
            result,
            is_async: self.is_async,
            not_callable: refused.or(self.not_callable),
            docs: self.docs,
        }
    }

    fn intern_types(&self, table: &mut Builder) -> Result<Places, BadType> {
        let param = |(name, ty): &(String, Type)| Ok((name.clone(), ty.intern(table)?));
        let params = self.params.iter().map(param).collect::<Result<_, _>>()?;
        Ok((params, self.result.as_ref().map(|ty| ty.intern(table)).transpose()?))
    }
}

/// Methods in the form of version 1. A method that is too large as a tree is told without its types, as one that
/// cannot be called.
pub(crate) fn trees(methods: &Methods) -> Vec<Method> {
    let mut room = MAX_TREES;
    methods.iter().map(|signature| tree_within(signature, &mut room)).collect()
}

/// One method in the form of version 1, told like those of [`trees`].
pub(crate) fn tree(signature: Signature<'_>) -> Method {
    tree_within(signature, &mut MAX_TREE.clone())
}

fn tree_within(signature: Signature<'_>, room: &mut u64) -> Method {
    let types = || signature.params().map(|(_, ty)| ty).chain(signature.result());
    let weight = types().fold(0, |sum: u64, ty| sum.saturating_add(ty.weight()));
    let method = signature.method();
    let old = Method {
        interface: method.interface.clone(),
        name: method.name.clone(),
        params: Vec::new(),
        result: None,
        is_async: method.is_async,
        not_callable: method.not_callable.clone(),
        docs: method.docs.clone(),
    };
    if weight > MAX_TREE.min(*room) {
        let reason = "its signature is too large for programs of this version: upgrade the overlord first";
        return Method { not_callable: Some(reason.to_owned()), ..old };
    }
    *room -= weight;
    let params = signature.params().map(|(name, ty)| (name.to_owned(), Type::tree(ty))).collect();
    Method { params, result: signature.result().map(Type::tree), ..old }
}

/// A type in a table of its own, for tests that write their types as trees.
#[cfg(any(test, feature = "arbitrary"))]
#[derive(Clone, Debug)]
pub struct Interned {
    types: method::Types,
    id: TypeId,
}

#[cfg(any(test, feature = "arbitrary"))]
impl Interned {
    /// The type.
    ///
    /// # Panics
    /// Never: the type is in its table.
    pub fn get(&self) -> TypeRef<'_> {
        self.types.get(self.id).expect("in its table")
    }
}

#[cfg(any(test, feature = "arbitrary"))]
impl Type {
    /// The type as a tree, however large that is.
    pub fn of(ty: TypeRef<'_>) -> Self {
        Self::tree(ty)
    }

    /// The type in a table of its own.
    ///
    /// # Panics
    /// Where it is larger than a table.
    pub fn interned(&self) -> Interned {
        let mut table = Builder::default();
        let id = self.intern(&mut table).expect("room");
        Interned { types: table.build(), id }
    }
}

#[cfg(any(test, feature = "arbitrary"))]
impl Method {
    /// The method with a table of its own.
    pub fn interned(self) -> Methods {
        methods(vec![self])
    }
}

#[cfg(any(test, feature = "arbitrary"))]
impl std::fmt::Display for Type {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.interned().get().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn method(name: &str, ty: Type) -> Method {
        Method {
            interface: Some("a:b/c".into()),
            name: name.into(),
            params: vec![("value".into(), ty.clone())],
            result: Some(ty),
            is_async: true,
            not_callable: None,
            docs: Some("What it does.".into()),
        }
    }

    /// A type whose tree has this weight: one unit, and a name of the rest.
    fn of_weight(weight: usize) -> Type {
        // An allocator needs 8 bytes beside the text.
        Type::Opaque("x".repeat(weight - 1 - 8))
    }

    fn is_told(method: &Method) -> bool {
        let untold = method.params.is_empty() && method.result.is_none();
        assert_eq!(method.not_callable.is_some(), untold);
        !untold
    }

    #[test]
    fn a_method_is_told_with_its_types_unless_they_are_too_large() {
        // The type is there twice, as a parameter and as the result: 64 KiB in all.
        for (weight, fits) in [(32 * 1024 - 15, true), (32 * 1024 + 1, false)] {
            let given = method("echo", of_weight(weight));
            let methods = given.clone().interned();
            let only = methods.iter().next().expect("the method");
            for told in [tree(only), trees(&methods).remove(0)] {
                assert_eq!(is_told(&told), fits, "{weight}");
                if fits {
                    assert_eq!(told, given);
                } else {
                    let why =
                        "its signature is too large for programs of this version: upgrade the overlord first";
                    assert_eq!(told.not_callable.as_deref(), Some(why));
                    assert_eq!(
                        (told.name, told.docs, told.is_async),
                        (given.name.clone(), given.docs.clone(), true)
                    );
                }
            }
        }
        let given = Method { not_callable: Some("it takes a stream".into()), ..method("echo", Type::Bool) };
        assert_eq!(trees(&given.clone().interned()), [given]);
    }

    #[test]
    fn the_methods_of_a_module_are_told_while_there_is_room_for_all_their_types() {
        // Each takes 64 KiB, which fits by itself; 16 of them take all the room.
        let large = |place| {
            let method = method(&format!("m{place}"), of_weight(32 * 1024 - 15));
            Method { params: vec![("value".into(), of_weight(32 * 1024 - 15))], ..method }
        };
        let told = |count: usize| {
            trees(&methods((0..count).map(large).collect())).iter().filter(|method| is_told(method)).count()
        };
        assert_eq!(told(16), 16);
        assert_eq!(told(20), 16, "the rest is told without types");
    }

    #[test]
    fn exactly_the_largest_signature_is_told() {
        let weights = |count: usize| {
            let methods = method("echo", Type::Bool).interned();
            let bool_weight =
                methods.iter().next().and_then(|only| only.result()).expect("a result").weight();
            assert_eq!(bool_weight, 1);
            let params = (0..count).map(|place| (format!("p{place}"), Type::Bool)).collect();
            Method { params, result: None, ..method("echo", Type::Bool) }.interned()
        };
        for (count, fits) in [(64 * 1024, true), (64 * 1024 + 1, false)] {
            let methods = weights(count);
            assert_eq!(!tree(methods.iter().next().expect("the method")).params.is_empty(), fits, "{count}");
        }
    }
}
