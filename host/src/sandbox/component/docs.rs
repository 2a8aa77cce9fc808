//! What a module's author wrote about it: the WIT package in its `minion:wit` section.
//!
//! Anybody can write a custom section, so types never come from it: what it says of a method counts only where its
//! signature is the one that the component really has.

use std::collections::HashMap;

use wire::value::method::{Methods, Signature, Type, TypeId, TypeRef};
use wit_parser::{Docs, Function, InterfaceId, Resolve, TypeDefKind, WorldItem};

use crate::sandbox::error::in_one_line;

/// The largest section that is read, in bytes.
const MAX_SECTION: usize = 1 << 20;
/// For how many methods it is told that their documentation does not fit.
const MAX_WARNINGS: usize = 20;

/// Puts docs on the methods, and returns what the section says of the module as a whole, in one line.
///
/// What is wrong with the section is added to `warnings`, and is no reason to refuse the module.
pub(in crate::sandbox) fn apply(
    section: &[u8],
    methods: &mut Methods,
    warnings: &mut Vec<String>,
) -> Option<String> {
    let resolve = match decode(section) {
        Ok(resolve) => resolve,
        Err(reason) => {
            warnings.push(format!("its documentation cannot be read and is left out: {reason}"));
            return None;
        }
    };
    let mut found = Vec::new();
    // The documentation of a command is the host's own.
    for (place, method) in methods.iter().enumerate().filter(|(_, method)| !method.is_command()) {
        // A section may well describe more, or less, than what is exported.
        let Some(function) = find(&resolve, method) else { continue };
        if agrees(&resolve, function, method) {
            found.push((place, text(&function.docs)));
        } else if warnings.len() < MAX_WARNINGS {
            warnings.push(format!(
                "the documentation of \"{}\" is for another signature and is left out",
                method.qualified()
            ));
        }
    }
    for (place, docs) in found {
        methods.document(place, docs);
    }
    summary(&resolve, methods)
}

/// Reads the section, which may hold anything.
fn decode(section: &[u8]) -> Result<Resolve, String> {
    if section.len() > MAX_SECTION {
        return Err(format!("{} bytes are over the limit of {MAX_SECTION}", section.len()));
    }
    // The decoder is not made for strangers' input, and a panic in it must not be ours.
    let decoded = std::panic::catch_unwind(|| wit_component::decode(section));
    match decoded {
        Ok(Ok(decoded)) => Ok(decoded.resolve().clone()),
        Ok(Err(error)) => Err(in_one_line(&format!("{error:#}"))),
        Err(_) => Err("the decoder gave up".to_owned()),
    }
}

/// The function that the section has under a method's name.
fn find<'a>(resolve: &'a Resolve, method: Signature<'_>) -> Option<&'a Function> {
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

/// The interface of that whole name, its version among it.
fn interface_of(resolve: &Resolve, name: &str) -> Option<InterfaceId> {
    let mut interfaces = resolve.interfaces.iter().map(|(id, _)| id);
    interfaces
        .find(|id| resolve.interfaces[*id].package.is_some() && resolve.id_of(*id).as_deref() == Some(name))
}

/// Whether a function has the names and the types of a method's parameters and result.
fn agrees(resolve: &Resolve, function: &Function, method: Signature<'_>) -> bool {
    let mut agreement = Agreement { resolve, found: HashMap::new() };
    let params = function.params.len() == method.params().len()
        && function
            .params
            .iter()
            .zip(method.params())
            .all(|(param, (name, ty))| param.name == name && agreement.of(&param.ty, ty));
    params && agreement.of_maybe(function.result.as_ref(), method.result())
}

/// Which types of a section are those of a module. Each pair is compared once, since both sides share their types.
struct Agreement<'a> {
    resolve: &'a Resolve,
    found: HashMap<(wit_parser::TypeId, TypeId), bool>,
}

impl Agreement<'_> {
    fn of(&mut self, wit: &wit_parser::Type, ty: TypeRef<'_>) -> bool {
        match (wit, ty.kind()) {
            (wit_parser::Type::Id(id), _) => {
                if let Some(found) = self.found.get(&(*id, ty.id())) {
                    return *found;
                }
                let found = self.of_defined(&self.resolve.types[*id].kind, ty);
                self.found.insert((*id, ty.id()), found);
                found
            }
            (wit_parser::Type::Bool, Type::Bool)
            | (wit_parser::Type::U8, Type::U8)
            | (wit_parser::Type::U16, Type::U16)
            | (wit_parser::Type::U32, Type::U32)
            | (wit_parser::Type::U64, Type::U64)
            | (wit_parser::Type::S8, Type::S8)
            | (wit_parser::Type::S16, Type::S16)
            | (wit_parser::Type::S32, Type::S32)
            | (wit_parser::Type::S64, Type::S64)
            | (wit_parser::Type::F32, Type::F32)
            | (wit_parser::Type::F64, Type::F64)
            | (wit_parser::Type::Char, Type::Char)
            | (wit_parser::Type::String, Type::String)
            | (wit_parser::Type::ErrorContext, Type::Opaque(_)) => true,
            _ => false,
        }
    }

    fn of_defined(&mut self, kind: &TypeDefKind, ty: TypeRef<'_>) -> bool {
        let part = |id: &TypeId| ty.part(*id);
        match (kind, ty.kind()) {
            (TypeDefKind::Type(alias), _) => self.of(alias, ty),
            (TypeDefKind::List(wit), Type::List(inner)) | (TypeDefKind::Option(wit), Type::Option(inner)) => {
                self.of(wit, part(inner))
            }
            (TypeDefKind::Tuple(tuple), Type::Tuple(types)) => {
                tuple.types.len() == types.len()
                    && tuple.types.iter().zip(types).all(|(wit, ty)| self.of(wit, part(ty)))
            }
            (TypeDefKind::Record(record), Type::Record(fields)) => {
                let mut pairs = record.fields.iter().zip(fields);
                record.fields.len() == fields.len()
                    && pairs.all(|(wit, (name, ty))| wit.name == *name && self.of(&wit.ty, part(ty)))
            }
            (TypeDefKind::Variant(variant), Type::Variant(cases)) => {
                let mut pairs = variant.cases.iter().zip(cases);
                variant.cases.len() == cases.len()
                    && pairs.all(|(wit, (name, carried))| {
                        wit.name == *name && self.of_maybe(wit.ty.as_ref(), ty.maybe(*carried))
                    })
            }
            (TypeDefKind::Enum(names), Type::Enum(cases)) => {
                names.cases.iter().map(|case| &case.name).eq(cases.iter())
            }
            (TypeDefKind::Flags(flags), Type::Flags(names)) => {
                flags.flags.iter().map(|flag| &flag.name).eq(names.iter())
            }
            (TypeDefKind::Result(wit), Type::Result(ok, err)) => {
                self.of_maybe(wit.ok.as_ref(), ty.maybe(*ok))
                    && self.of_maybe(wit.err.as_ref(), ty.maybe(*err))
            }
            // What cannot be called has no signature that documentation could be wrong about.
            (
                TypeDefKind::Resource
                | TypeDefKind::Handle(_)
                | TypeDefKind::Future(_)
                | TypeDefKind::Stream(_)
                | TypeDefKind::Map(..)
                | TypeDefKind::FixedLengthList(..),
                Type::Opaque(_),
            ) => true,
            _ => false,
        }
    }

    fn of_maybe(&mut self, wit: Option<&wit_parser::Type>, ty: Option<TypeRef<'_>>) -> bool {
        match (wit, ty) {
            (Some(wit), Some(ty)) => self.of(wit, ty),
            (None, None) => true,
            _ => false,
        }
    }
}

/// The documentation of the package, or else of the interface of the first method.
fn summary(resolve: &Resolve, methods: &Methods) -> Option<String> {
    let interface =
        interface_of(resolve, methods.iter().find_map(|method| method.method().interface.as_deref())?)?;
    let interface = &resolve.interfaces[interface];
    let package = interface.package.and_then(|id| text(&resolve.packages[id].docs));
    let docs = package.or_else(|| text(&interface.docs))?;
    docs.lines().next().map(str::to_owned)
}

/// The documentation, where it is more than space.
fn text(docs: &Docs) -> Option<String> {
    docs.contents.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
}

#[allow(clippy::unwrap_used)]
#[cfg(test)]
mod tests {
    use wire::message::v1::{Method, Type};

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

    fn of_trees(methods: Vec<Method>) -> Methods {
        let old = wire::message::v1::Module {
            name: "service".parse().unwrap(),
            version: None,
            digest: wire::digest::Digest::of(b""),
            description: None,
            state: wire::message::module::ModuleState::Active,
            methods,
            imports: vec![],
            versions: vec![],
        };
        wire::message::module::Module::from(old).methods
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
        let methods = [
            method(unit, "restart", name(), Some(restarted)),
            method(unit, "show", vec![("id".into(), Type::U32)], Some(Type::String)),
            method(unit, "stop", name(), None),
            method(None, "ping", vec![], None),
        ];
        let mut methods = of_trees(methods.into());
        let mut warnings = Vec::new();
        let summary = apply(&section(), &mut methods, &mut warnings);
        assert_eq!(summary.as_deref(), Some("Looks after units."));
        let docs: Vec<Option<&str>> = methods.iter().map(|method| method.method().docs.as_deref()).collect();
        assert_eq!(docs, [Some("Starts it again."), None, None, Some("At the root.")]);
        assert_eq!(warnings.len(), 1);
        assert!(warnings[0].contains("\"unit/show\" is for another signature"), "{}", warnings[0]);
    }

    #[test]
    fn a_section_that_is_no_wit_is_a_warning() {
        for damaged in [&b"nonsense"[..], &[], &section()[..100]] {
            let mut warnings = Vec::new();
            assert_eq!(apply(damaged, &mut Methods::default(), &mut warnings), None);
            assert!(warnings[0].contains("cannot be read"), "{}", warnings[0]);
        }
    }
}
