//! What is to be known of modules that were written in JavaScript.

use std::collections::HashSet;

use wasmparser::{Parser, Payload};
use wire::value::method::{Methods, Signature, Type, TypeRef};

/// What an author should know of the methods of a module that was written in JavaScript; `None` of any other.
///
/// The tools that make components of JavaScript turn a number into the integer that the WIT asks for as typed
/// arrays do, before anything outside could see that it does not fit.
pub(in crate::sandbox) fn note(component: &[u8], methods: &Methods) -> Option<String> {
    let affected: Vec<String> = methods
        .iter()
        .filter(|method| !method.is_command() && returns_integers(*method))
        .map(|method| format!("\"{}\"", method.qualified()))
        .collect();
    if affected.is_empty() || !is_javascript(component) {
        return None;
    }
    let more = affected.len().saturating_sub(NAMED);
    let mut named = affected.into_iter().take(NAMED).collect::<Vec<_>>().join(", ");
    if more > 0 {
        named += &format!(" and {more} more");
    }
    Some(format!(
        "JavaScript makes numbers fit in silence: 300.7 that is returned as `u8` becomes 44, -1 as `u32` becomes \
         4294967295; round and check the whole numbers that are returned by {named}"
    ))
}

/// How many methods are named at most.
const NAMED: usize = 10;

fn returns_integers(method: Signature<'_>) -> bool {
    let mut seen = HashSet::new();
    let mut open: Vec<TypeRef<'_>> = method.result().into_iter().collect();
    while let Some(ty) = open.pop() {
        if !seen.insert(ty.id()) {
            continue;
        }
        match ty.kind() {
            // Bytes are a typed array already, and nothing is lost.
            Type::List(_) if ty.is_bytes() => {}
            Type::U8 | Type::U16 | Type::U32 | Type::U64 => return true,
            Type::S8 | Type::S16 | Type::S32 | Type::S64 => return true,
            kind => open.extend(kind.parts().into_iter().map(|part| ty.part(part))),
        }
    }
    false
}

/// Whether a tool made the component of JavaScript: by what the tool says of itself, or by the shape of what
/// `componentize-qjs` makes, which says nothing.
fn is_javascript(component: &[u8]) -> bool {
    Parser::new(0).parse_all(component).map_while(Result::ok).any(|payload| match payload {
        Payload::CustomSection(section) if section.name() == "producers" => {
            let said = String::from_utf8_lossy(section.data()).to_lowercase();
            ["javascript", "componentize-js", "componentizejs", "quickjs", "componentize-qjs"]
                .iter()
                .any(|mark| said.contains(mark))
        }
        Payload::ExportSection(exports) => exports
            .into_iter()
            .map_while(Result::ok)
            .any(|export| export.name.contains("|local:init/module-loader|")),
        _ => false,
    })
}

#[allow(clippy::unwrap_used)]
#[cfg(test)]
mod tests {
    use wasmparser::WasmFeatures;

    use super::*;
    use crate::sandbox::component::describe::reflect;
    use crate::sandbox::component::surface::Surface;

    /// A component with a method for each of these result types, and a core module within it.
    fn component(results: &[&str], core: &str) -> Vec<u8> {
        let method = |(n, ty): (usize, &&str)| {
            format!(
                r#"(core module $m{n} (func (export "f") (result i32) i32.const 0))
                   (core instance $i{n} (instantiate $m{n}))
                   (func (export "f{n}") (result {ty}) (canon lift (core func $i{n} "f")))"#
            )
        };
        let methods: String = results.iter().enumerate().map(method).collect();
        wat::parse_str(format!("(component {core} {methods})")).unwrap()
    }

    fn said(component: &[u8]) -> Option<String> {
        let surface = Surface::read(component, WasmFeatures::all()).unwrap();
        note(component, &reflect(&surface).unwrap())
    }

    #[test]
    fn methods_of_javascript_that_return_whole_numbers_are_named() {
        let core = r#"(core module (func (export "cm32p2|local:init/module-loader|resolve")))"#;
        let said_of_it = said(&component(&["u8", "bool", "s32", "char"], core)).unwrap();
        assert!(said_of_it.ends_with("returned by \"f0\", \"f2\""), "{said_of_it}");
        assert_eq!(said(&component(&["bool"], core)), None);
        let named = r#"(core module (@custom "producers" "\01\08language\01\0aJavaScript\00"))"#;
        assert!(said(&component(&["u16"], named)).is_some());
    }

    #[test]
    fn other_languages_are_not_spoken_of() {
        assert_eq!(said(&component(&["u8"], r#"(core module (func (export "resolve")))"#)), None);
    }
}
