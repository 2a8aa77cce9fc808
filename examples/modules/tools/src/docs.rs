//! What a module carries about itself, as custom sections at its top level.

use wasm_encoder::{ComponentSection, CustomSection};

use crate::wit::{CANONICAL_NAMES, Wit};

/// Adds the section `minion:wit`, which is the WIT with its doc comments, and the standard sections `version` and
/// `description`, taken from the WIT package.
pub(crate) fn add(mut component: Vec<u8>, wit: &Wit) -> anyhow::Result<Vec<u8>> {
    let package = &wit.resolve.packages[wit.package];
    let encoded = wit_component::encode(&wit.resolve, wit.package, CANONICAL_NAMES)?;
    append(&mut component, "minion:wit", &encoded);
    if let Some(version) = &package.name.version {
        append(&mut component, "version", version.to_string().as_bytes());
    }
    if let Some(first) = package.docs.contents.as_deref().and_then(|docs| docs.lines().next()) {
        append(&mut component, "description", first.as_bytes());
    }
    Ok(component)
}

fn append(component: &mut Vec<u8>, name: &str, data: &[u8]) {
    CustomSection { name: name.into(), data: data.into() }.append_to_component(component);
}
