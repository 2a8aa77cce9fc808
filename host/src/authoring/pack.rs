//! A module, ready to be handed to minions: a component that says of itself what it is.

use wasm_encoder::{ComponentSection, CustomSection};
use wasm_metadata::{AddMetadata, AddMetadataField, Authors, Description, Licenses, Version};
use wasmparser::{Parser, Payload};

use super::component;
use super::error::AuthoringError;
use super::wit::Wit;
use crate::sandbox::DOCS_SECTION;

/// What a module says of itself beside its documentation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// Its version; without one, that of its WIT package.
    pub version: Option<String>,
    /// A line about it; without one, the first line of its WIT package's documentation.
    pub description: Option<String>,
    /// Who wrote it.
    pub authors: Option<String>,
    /// Under which licences it may be used: an SPDX expression.
    pub licenses: Option<String>,
}

/// What came out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packed {
    /// The module's file.
    pub bytes: Vec<u8>,
    /// What its author may want to change, a sentence each.
    pub warnings: Vec<String>,
}

/// Makes a component of what a compiler made, if it is none yet, and adds its documentation from the WIT and
/// what is to be known about it. What it said of itself before is replaced.
pub fn pack(bytes: &[u8], wit: &Wit, about: &About) -> Result<Packed, AuthoringError> {
    let component = component::from_any(bytes, wit)?;
    let failed = |cause: anyhow::Error| AuthoringError::Component(format!("{cause:#}"));
    let component = without_docs(&component).map_err(|cause| AuthoringError::NotWasm(cause.to_string()))?;
    let mut bytes = metadata(wit, about).map_err(failed)?.to_wasm(&component).map_err(failed)?;
    let docs = wit_component::encode(&wit.resolve, wit.package).map_err(failed)?;
    CustomSection { name: DOCS_SECTION.into(), data: docs.into() }.append_to_component(&mut bytes);
    let warnings = debug_information(&bytes).into_iter().collect();
    Ok(Packed { bytes, warnings })
}

fn metadata(wit: &Wit, about: &About) -> anyhow::Result<AddMetadata> {
    let package = &wit.resolve.packages[wit.package];
    let version = about.version.clone().or_else(|| package.name.version.as_ref().map(ToString::to_string));
    let first = || package.docs.contents.as_deref().and_then(|docs| docs.lines().next()).map(str::to_owned);
    let description = about.description.clone().or_else(first);
    let mut metadata = AddMetadata::default();
    if let Some(version) = version {
        metadata.version = AddMetadataField::Set(Version::new(version));
    }
    if let Some(description) = description {
        metadata.description = AddMetadataField::Set(Description::new(description));
    }
    if let Some(authors) = &about.authors {
        metadata.authors = AddMetadataField::Set(Authors::new(authors.clone()));
    }
    if let Some(licenses) = &about.licenses {
        metadata.licenses = AddMetadataField::Set(Licenses::new(licenses)?);
    }
    Ok(metadata)
}

/// The component without the documentation that it has at its top level.
fn without_docs(component: &[u8]) -> wasmparser::Result<Vec<u8>> {
    let (mut kept, mut depth, mut start) = (Vec::with_capacity(component.len()), 0_usize, 0);
    for payload in Parser::new(0).parse_all(component) {
        let payload = payload?;
        let end = match &payload {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => {
                depth += 1;
                continue;
            }
            Payload::End(offset) => {
                let Some(outer) = depth.checked_sub(1) else { break };
                depth = outer;
                *offset
            }
            Payload::Version { range, .. } => range.end,
            other => other.as_section().map_or(start, |(_, range)| range.end),
        };
        if depth > 0 {
            continue;
        }
        let docs = matches!(&payload, Payload::CustomSection(section) if section.name() == DOCS_SECTION);
        if !docs {
            kept.extend_from_slice(&component[start..end]);
        }
        start = end;
    }
    Ok(kept)
}

fn debug_information(component: &[u8]) -> Option<String> {
    let payloads = Parser::new(0).parse_all(component).flatten();
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
