//! Core modules, turned into components.

use anyhow::Context as _;
use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
};
use wasmparser::{Encoding, Parser, Payload};
use wit_component::{ComponentEncoder, StringEncoding};

use crate::clock;
use crate::wit::{CANONICAL_NAMES, Wit};

/// The component of a module, which may be one already.
pub(crate) fn from_any(bytes: &[u8], wit: &Wit) -> anyhow::Result<Vec<u8>> {
    let shape = Shape::of(bytes).context("reading what the compiler made")?;
    if shape.component {
        return Ok(bytes.to_vec());
    }
    let mut core = if shape.go { clock::separate(bytes)? } else { bytes.to_vec() };
    if !shape.typed {
        let (resolve, encoding) = (&wit.resolve, StringEncoding::UTF8);
        wit_component::embed_component_metadata(&mut core, resolve, wit.world, encoding, CANONICAL_NAMES)?;
    }
    let mut encoder = ComponentEncoder::default();
    encoder.validate(true).module(&core)?;
    encoder.adapter(WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER)?;
    if shape.go {
        encoder.adapter(clock::NAME, &clock::adapter()?)?;
    }
    encoder.encode().context("making a component")
}

/// What tells one kind of file from another.
#[derive(Default)]
struct Shape {
    component: bool,
    /// Whether it says by itself what its imports and exports are in WIT.
    typed: bool,
    /// Whether it was made by Go with the bindings of `wit-bindgen`.
    go: bool,
}

impl Shape {
    fn of(bytes: &[u8]) -> anyhow::Result<Self> {
        let mut shape = Self::default();
        for payload in Parser::new(0).parse_all(bytes) {
            match payload? {
                Payload::Version { encoding: Encoding::Component, .. } => {
                    shape.component = true;
                    break;
                }
                Payload::CustomSection(section) => shape.typed |= section.name().starts_with("component-type"),
                Payload::ImportSection(imports) => {
                    for import in imports.into_imports() {
                        shape.go |= clock::is_go(&import?);
                    }
                }
                _ => {}
            }
        }
        Ok(shape)
    }
}
