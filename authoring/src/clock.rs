//! A clock for Go.
//!
//! While a component takes an argument in, it allocates memory and may not call its host. Go may collect garbage
//! then and asks for the time. The usual adapter answers that from memory for one of the two clocks only, so
//! both are taken out of its hands and put into those of an adapter that does so for both.

use wasi_preview1_component_adapter_provider::WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME as WASI;
use wasm_encoder::reencode::{Reencode, RoundtripReencoder};
use wasm_encoder::{ImportSection, Module, RawSection};
use wasmparser::{Import, Parser, Payload};
use wit_component::StringEncoding;
use wit_parser::Resolve;

/// What a module imports the clock's functions from.
pub(super) const NAME: &str = "minion_clock";

/// What Go's bindings call around each allocation: the mark of a module that was made with them.
const PAUSE: &str = "adapter_monotonic_clock_set_paused";
const FUNCTIONS: [&str; 2] = ["clock_time_get", PAUSE];

pub(super) fn is_go(import: &Import<'_>) -> bool {
    import.module == WASI && import.name == PAUSE
}

/// The adapter.
pub(super) fn adapter() -> anyhow::Result<Vec<u8>> {
    let mut module = wat::parse_str(include_str!("clock.wat"))?;
    let mut resolve = Resolve::default();
    let package = resolve.push_str("clock.wit", include_str!("clock.wit"))?;
    let world = resolve.select_world(&[package], None)?;
    wit_component::embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)?;
    Ok(module)
}

/// The module with the clock's functions imported from their own adapter.
pub(super) fn separate(core: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut module = Module::new();
    for payload in Parser::new(0).parse_all(core) {
        let payload = payload?;
        if let Payload::ImportSection(imports) = payload {
            let mut section = ImportSection::new();
            for import in imports.into_imports() {
                let mut import = import?;
                if import.module == WASI && FUNCTIONS.contains(&import.name) {
                    import.module = NAME;
                }
                RoundtripReencoder.parse_import(&mut section, import)?;
            }
            module.section(&section);
        } else if let Some((id, range)) = payload.as_section() {
            module.section(&RawSection { id, data: &core[range] });
        }
    }
    Ok(module.finish())
}

#[allow(clippy::unwrap_used)]
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_clock_is_taken_out_of_the_usual_adapters_hands() {
        let import = |name| format!(r#"(import "{WASI}" "{name}" (func (param i32)))"#);
        let imports = [import(PAUSE), import("clock_time_get"), import("fd_close")].concat();
        let core = format!("(module {imports} (@custom \"kept\" \"x\") (memory 1))");
        let separated = separate(&wat::parse_str(core).unwrap()).unwrap();
        wasmparser::validate(&separated).unwrap();
        let (mut found, mut custom) = (Vec::new(), 0);
        for payload in Parser::new(0).parse_all(&separated) {
            match payload.unwrap() {
                Payload::ImportSection(imports) => {
                    found.extend(imports.into_imports().map(|import| import.unwrap().module == NAME));
                }
                Payload::CustomSection(_) => custom += 1,
                _ => {}
            }
        }
        assert_eq!((found.as_slice(), custom), (&[true, true, false][..], 1));
    }

    #[test]
    fn the_adapter_is_valid() {
        wasmparser::validate(&adapter().unwrap()).unwrap();
    }
}
