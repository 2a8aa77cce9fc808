//! What the author of a module may want to change in it: nothing of it is a reason to refuse it.

use wasmparser::WasmFeatures;
use wasmparser::{Parser, Payload};
use wire::value::method::Methods;

use crate::sandbox::component::describe::reflect;
use crate::sandbox::component::surface::Surface;
use crate::sandbox::run::buried_bytes::slow_bytes;

/// What can be said of a component to its author without compiling it, a sentence each. Empty where the bytes are
/// no component.
pub fn advice(component: &[u8]) -> Vec<String> {
    let surface = Surface::read(component, WasmFeatures::all());
    on(component, &surface.and_then(|surface| reflect(&surface)).unwrap_or_default())
}

/// What can be said of a component whose methods are known.
pub(in crate::sandbox) fn on(component: &[u8], methods: &Methods) -> Vec<String> {
    debug_information(component).into_iter().chain(methods.iter().filter_map(slow_bytes)).collect()
}

fn debug_information(component: &[u8]) -> Option<String> {
    let payloads = Parser::new(0).parse_all(component).map_while(Result::ok);
    let sizes = payloads.filter_map(|payload| match payload {
        Payload::CustomSection(section) if section.name().starts_with(".debug_") => {
            Some(section.data().len())
        }
        _ => None,
    });
    let size: usize = sizes.sum();
    (size > 0).then(|| {
        format!(
            "it carries {} kB of debug information; build it for release and stripped",
            size.div_ceil(1000)
        )
    })
}

#[allow(clippy::unwrap_used)]
#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::tests::of_wit;

    const WIT: &str = "
        package acme:files@1.0.0;
        world module {
            export put: func(parts: list<list<u8>>);
            export get: func() -> list<u8>;
        }
    ";
    const CORE: &str = r#"(module
        (memory (export "memory") 1)
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) i32.const 8)
        (func (export "put") (param i32 i32))
        (func (export "get") (result i32) i32.const 8))"#;

    #[test]
    fn bytes_within_other_types_are_advised_against_without_compiling() {
        let advice = advice(&of_wit(WIT, CORE));
        assert_eq!(advice.len(), 1, "{advice:?}");
        assert!(advice[0].starts_with("passes the bytes of \"put\" one by one"), "{advice:?}");
    }

    #[test]
    fn what_is_no_component_is_not_spoken_of() {
        assert_eq!(advice(b"no component"), [""; 0]);
    }
}
