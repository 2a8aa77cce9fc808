//! Core modules, turned into components.

use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
};
use wasmparser::{BinaryReaderError, Encoding, Parser, Payload};
use wit_component::{ComponentEncoder, StringEncoding};

use super::clock;
use super::error::AuthoringError;
use super::wit::Wit;

/// The component of a module, which may be one already.
pub(super) fn from_any(bytes: &[u8], wit: &Wit) -> Result<Vec<u8>, AuthoringError> {
    let shape = Shape::of(bytes).map_err(|error| AuthoringError::NotWasm(error.message().to_owned()))?;
    match shape.component {
        true => Ok(bytes.to_vec()),
        false => encode(bytes, &shape, wit).map_err(|cause| AuthoringError::Component(format!("{cause:#}"))),
    }
}

fn encode(core: &[u8], shape: &Shape, wit: &Wit) -> anyhow::Result<Vec<u8>> {
    let mut core = if shape.go { clock::separate(core)? } else { core.to_vec() };
    if !shape.typed {
        wit_component::embed_component_metadata(&mut core, &wit.resolve, wit.world, StringEncoding::UTF8)?;
    }
    let mut encoder = ComponentEncoder::default().validate(true).module(&core)?;
    encoder = encoder.adapter(WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER)?;
    if shape.go {
        encoder = encoder.adapter(clock::NAME, &clock::adapter()?)?;
    }
    encoder.encode()
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
    fn of(bytes: &[u8]) -> Result<Self, BinaryReaderError> {
        let mut shape = Self::default();
        for payload in Parser::new(0).parse_all(bytes) {
            match payload? {
                Payload::Version { encoding: Encoding::Component, .. } => {
                    shape.component = true;
                    break;
                }
                Payload::CustomSection(section) => {
                    shape.typed |= section.name().starts_with("component-type")
                }
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
