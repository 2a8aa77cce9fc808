//! What a module's author wrote about it: the WIT package in its `minion:wit` section.
//!
//! Anybody can write a custom section, so types never come from it: what it says of a method counts only
//! where its signature is the one that the component really has.

use wire::signature::{Method, Type};
use wire::value::MAX_DEPTH;
use wit_component::DecodedWasm;
use wit_parser::{Docs, Function, Handle, InterfaceId, Resolve, TypeDefKind, WorldItem};

use super::describe::{is_foreign, of_types};
use super::error::in_one_line;

/// The largest section that is read.
const MAX_SECTION: usize = 1 << 20;

/// Puts docs on the methods, and returns what the section says of the module as a whole, in one line.
///
/// What is not right with the section goes to `warnings`; the module is none the worse for it.
pub(super) fn apply(section: &[u8], methods: &mut [Method], warnings: &mut Vec<String>) -> Option<String> {
    let resolve = match decode(section) {
        Ok(resolve) => resolve,
        Err(reason) => {
            warnings.push(format!("its documentation cannot be read and is left out: {reason}"));
            return None;
        }
    };
    for method in methods.iter_mut() {
        // A section may well describe more, or less, than what is exported.
        let Some(function) = find(&resolve, method) else { continue };
        if agrees(&resolve, function, method) {
            method.docs = text(&function.docs);
        } else {
            warnings.push(format!(
                "the documentation of \"{}\" is for another signature and is left out",
                method.qualified()
            ));
        }
    }
    summary(&resolve, methods)
}

/// The methods of a component by the types in it, without those that a tool left behind; none where it has
/// no types that can be read.
pub(super) fn methods(component: &[u8]) -> Vec<Method> {
    let Ok(DecodedWasm::Component(resolve, world)) = wit_component::decode(component) else {
        return Vec::new();
    };
    let mut methods = Vec::new();
    for (key, item) in &resolve.worlds[world].exports {
        let name = resolve.name_world_key(key);
        if is_foreign(&name) {
            continue;
        }
        let method = |interface: Option<&str>, function: &Function| {
            let params = function.params.iter();
            let params = params.map(|param| (param.name.clone(), reflect(&resolve, &param.ty, 1))).collect();
            let result = function.result.map(|ty| reflect(&resolve, &ty, 1));
            of_types(interface, &function.name, params, result)
        };
        match item {
            WorldItem::Function(function) => methods.push(method(None, function)),
            WorldItem::Interface { id, .. } => {
                let functions = resolve.interfaces[*id].functions.values();
                methods.extend(functions.map(|function| method(Some(&name), function)));
            }
            WorldItem::Type { .. } => {}
        }
    }
    methods
}

/// Reads the section, whatever is in it.
fn decode(section: &[u8]) -> Result<Resolve, String> {
    if section.len() > MAX_SECTION {
        return Err(format!("{} bytes are over the limit of {MAX_SECTION}", section.len()));
    }
    // The decoder is not made for strangers' input, and a panic of its must not be ours.
    let decoded = std::panic::catch_unwind(|| wit_component::decode(section));
    match decoded {
        Ok(Ok(decoded)) => Ok(decoded.resolve().clone()),
        Ok(Err(error)) => Err(in_one_line(&format!("{error:#}"))),
        Err(_) => Err("the decoder gave up".to_owned()),
    }
}

/// The function that the section has under a method's name.
fn find<'a>(resolve: &'a Resolve, method: &Method) -> Option<&'a Function> {
    match &method.interface {
        Some(interface) => {
            interface_of(resolve, interface).and_then(|id| resolve.interfaces[id].functions.get(&method.name))
        }
        None => {
            resolve.worlds.iter().flat_map(|(_, world)| world.exports.values()).find_map(|item| match item {
                WorldItem::Function(function) if function.name == method.name => Some(function),
                _ => None,
            })
        }
    }
}

/// The interface of that whole name, version and all.
fn interface_of(resolve: &Resolve, name: &str) -> Option<InterfaceId> {
    let mut interfaces = resolve.interfaces.iter().map(|(id, _)| id);
    interfaces
        .find(|id| resolve.interfaces[*id].package.is_some() && resolve.id_of(*id).as_deref() == Some(name))
}

/// Whether a function has the names and the types of a method's parameters and result.
fn agrees(resolve: &Resolve, function: &Function, method: &Method) -> bool {
    let params = function.params.iter().map(|param| (param.name.as_str(), reflect(resolve, &param.ty, 1)));
    let found = method.params.iter().map(|(name, ty)| (name.as_str(), ty.clone()));
    params.eq(found) && function.result.map(|ty| reflect(resolve, &ty, 1)) == method.result
}

/// What is written on the package, or else on the interface, of the first method.
fn summary(resolve: &Resolve, methods: &[Method]) -> Option<String> {
    let interface = interface_of(resolve, methods.iter().find_map(|method| method.interface.as_deref())?)?;
    let interface = &resolve.interfaces[interface];
    let package = interface.package.and_then(|id| text(&resolve.packages[id].docs));
    let docs = package.or_else(|| text(&interface.docs))?;
    docs.lines().next().map(str::to_owned)
}

/// What is written, where it is more than space.
fn text(docs: &Docs) -> Option<String> {
    docs.contents.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// The wire form of a WIT type, made as [`super::types::reflect`] makes it of a component's.
fn reflect(resolve: &Resolve, ty: &wit_parser::Type, depth: usize) -> Type {
    if depth > MAX_DEPTH {
        return Type::Opaque(format!("a type nested deeper than {MAX_DEPTH} levels"));
    }
    match ty {
        wit_parser::Type::Bool => Type::Bool,
        wit_parser::Type::U8 => Type::U8,
        wit_parser::Type::U16 => Type::U16,
        wit_parser::Type::U32 => Type::U32,
        wit_parser::Type::U64 => Type::U64,
        wit_parser::Type::S8 => Type::S8,
        wit_parser::Type::S16 => Type::S16,
        wit_parser::Type::S32 => Type::S32,
        wit_parser::Type::S64 => Type::S64,
        wit_parser::Type::F32 => Type::F32,
        wit_parser::Type::F64 => Type::F64,
        wit_parser::Type::Char => Type::Char,
        wit_parser::Type::String => Type::String,
        wit_parser::Type::ErrorContext => Type::Opaque("error-context".into()),
        wit_parser::Type::Id(id) => defined(resolve, &resolve.types[*id].kind, depth),
    }
}

/// The wire form of a type that has a definition.
fn defined(resolve: &Resolve, kind: &TypeDefKind, depth: usize) -> Type {
    let inner = |ty: &wit_parser::Type| reflect(resolve, ty, depth + 1);
    let boxed = |ty: &wit_parser::Type| Box::new(inner(ty));
    let element = |ty: &Option<wit_parser::Type>| ty.as_ref().map(inner);
    match kind {
        // An alias is no level of its own.
        TypeDefKind::Type(ty) => reflect(resolve, ty, depth),
        TypeDefKind::List(ty) => Type::List(boxed(ty)),
        TypeDefKind::Option(ty) => Type::Option(boxed(ty)),
        TypeDefKind::Tuple(tuple) => Type::Tuple(tuple.types.iter().map(inner).collect()),
        TypeDefKind::Record(record) => {
            Type::Record(record.fields.iter().map(|field| (field.name.clone(), inner(&field.ty))).collect())
        }
        TypeDefKind::Variant(variant) => {
            Type::Variant(variant.cases.iter().map(|case| (case.name.clone(), element(&case.ty))).collect())
        }
        TypeDefKind::Enum(names) => Type::Enum(names.cases.iter().map(|case| case.name.clone()).collect()),
        TypeDefKind::Flags(flags) => Type::Flags(flags.flags.iter().map(|flag| flag.name.clone()).collect()),
        TypeDefKind::Result(result) => {
            Type::Result(result.ok.as_ref().map(boxed), result.err.as_ref().map(boxed))
        }
        TypeDefKind::Resource | TypeDefKind::Handle(Handle::Own(_) | Handle::Borrow(_)) => {
            Type::Opaque("resource".into())
        }
        TypeDefKind::Future(ty) => Type::Opaque(super::types::generic("future", element(ty))),
        TypeDefKind::Stream(ty) => Type::Opaque(super::types::generic("stream", element(ty))),
        TypeDefKind::Map(..) => Type::Opaque("map".into()),
        TypeDefKind::FixedLengthList(..) => Type::Opaque("list of fixed length".into()),
        TypeDefKind::Unknown => Type::Opaque("an unknown type".into()),
    }
}

#[allow(clippy::unwrap_used)]
#[cfg(test)]
mod tests {
    use super::*;

    const WIT: &str = "
        /// Looks after units.
        ///
        /// At length.
        package acme:service@1.0.0;
        interface unit {
            record state { name: string, since: option<u64> }
            /// Starts it again.
            restart: func(name: string) -> result<state, string>;
            /// Tells of it.
            show: func(name: string) -> string;
        }
        world module { export unit; /** At the root. */ export ping: func(); }
    ";

    fn section() -> Vec<u8> {
        let mut resolve = Resolve::default();
        let package = resolve.push_str("service.wit", WIT).unwrap();
        wit_component::encode(&resolve, package).unwrap()
    }

    fn method(
        interface: Option<&str>,
        name: &str,
        params: Vec<(String, Type)>,
        result: Option<Type>,
    ) -> Method {
        let interface = interface.map(str::to_owned);
        let name = name.to_owned();
        Method { interface, name, params, result, is_async: false, not_callable: None, docs: None }
    }

    #[test]
    fn docs_go_to_the_methods_that_they_fit_and_others_are_left_out() {
        let unit = Some("acme:service/unit@1.0.0");
        let name = || vec![("name".to_owned(), Type::String)];
        let state = Type::Record(vec![
            ("name".into(), Type::String),
            ("since".into(), Type::Option(Box::new(Type::U64))),
        ]);
        let restarted = Type::Result(Some(Box::new(state)), Some(Box::new(Type::String)));
        let mut methods = [
            method(unit, "restart", name(), Some(restarted)),
            method(unit, "show", vec![("id".into(), Type::U32)], Some(Type::String)),
            method(unit, "stop", name(), None),
            method(None, "ping", vec![], None),
        ];
        let mut warnings = Vec::new();
        let summary = apply(&section(), &mut methods, &mut warnings);
        assert_eq!(summary.as_deref(), Some("Looks after units."));
        assert_eq!(methods[0].docs.as_deref(), Some("Starts it again."));
        assert_eq!(methods[1].docs, None);
        assert_eq!(methods[3].docs.as_deref(), Some("At the root."));
        assert_eq!(warnings.len(), 1);
        assert!(warnings[0].contains("\"unit/show\" is for another signature"), "{}", warnings[0]);
    }

    #[test]
    fn a_section_that_is_no_wit_is_a_warning() {
        for damaged in [&b"nonsense"[..], &[], &section()[..100]] {
            let mut warnings = Vec::new();
            assert_eq!(apply(damaged, &mut [], &mut warnings), None);
            assert!(warnings[0].contains("cannot be read"), "{}", warnings[0]);
        }
    }
}
