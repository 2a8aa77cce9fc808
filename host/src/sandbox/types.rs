//! The types of a component, as the rest of the system knows them.

use wasmtime::component::Type as ComponentType;
use wire::signature::Type;
use wire::value::MAX_DEPTH;

/// The wire form of a component's type. What cannot be passed from outside becomes [`Type::Opaque`].
pub(super) fn reflect(ty: &ComponentType) -> Type {
    at_depth(ty, 1)
}

/// The same, so many levels down: what is too deep for a value is opaque.
fn at_depth(ty: &ComponentType, depth: usize) -> Type {
    if depth > MAX_DEPTH {
        return Type::Opaque(format!("a type nested deeper than {MAX_DEPTH} levels"));
    }
    let inner = |ty: ComponentType| at_depth(&ty, depth + 1);
    let boxed = |ty: ComponentType| Box::new(inner(ty));
    match ty {
        ComponentType::Bool => Type::Bool,
        ComponentType::S8 => Type::S8,
        ComponentType::U8 => Type::U8,
        ComponentType::S16 => Type::S16,
        ComponentType::U16 => Type::U16,
        ComponentType::S32 => Type::S32,
        ComponentType::U32 => Type::U32,
        ComponentType::S64 => Type::S64,
        ComponentType::U64 => Type::U64,
        ComponentType::Float32 => Type::F32,
        ComponentType::Float64 => Type::F64,
        ComponentType::Char => Type::Char,
        ComponentType::String => Type::String,
        ComponentType::List(list) => Type::List(boxed(list.ty())),
        ComponentType::Tuple(tuple) => Type::Tuple(tuple.types().map(inner).collect()),
        ComponentType::Record(record) => {
            Type::Record(record.fields().map(|field| (field.name.to_owned(), inner(field.ty))).collect())
        }
        ComponentType::Variant(variant) => {
            Type::Variant(variant.cases().map(|case| (case.name.to_owned(), case.ty.map(inner))).collect())
        }
        ComponentType::Enum(names) => Type::Enum(names.names().map(str::to_owned).collect()),
        ComponentType::Option(option) => Type::Option(boxed(option.ty())),
        ComponentType::Result(result) => Type::Result(result.ok().map(boxed), result.err().map(boxed)),
        ComponentType::Flags(flags) => Type::Flags(flags.names().map(str::to_owned).collect()),
        ComponentType::Own(_) | ComponentType::Borrow(_) => Type::Opaque("resource".into()),
        ComponentType::Future(future) => Type::Opaque(generic("future", future.ty().map(inner))),
        ComponentType::Stream(stream) => Type::Opaque(generic("stream", stream.ty().map(inner))),
        ComponentType::Map(_) => Type::Opaque("map".into()),
        ComponentType::FixedLengthList(_) => Type::Opaque("list of fixed length".into()),
        ComponentType::ErrorContext => Type::Opaque("error-context".into()),
    }
}

/// `stream<u8>`, or `stream` where it carries nothing.
pub(super) fn generic(name: &str, element: Option<Type>) -> String {
    element.map_or_else(|| name.to_owned(), |element| format!("{name}<{element}>"))
}
