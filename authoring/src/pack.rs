//! A module, ready to be handed to minions: a component that says of itself what it is.

use minion_host::sandbox::{DOCS_SECTION, MAX_MODULE, advice};
use policy::Suggestion;
use policy::suggestion::SECTION as POLICY_SECTION;
use wasm_encoder::{ComponentSection, CustomSection};
use wasmparser::{Parser, Payload};

use super::component;
use super::error::AuthoringError;
use super::wit::Wit;

/// What a module says of itself beside its documentation.
#[derive(Clone, Debug, Default)]
pub struct About {
    /// Its version; without one, that of its WIT package.
    pub version: Option<String>,
    /// A line about it; without one, the first line of its WIT package's documentation.
    pub description: Option<String>,
    /// Who wrote it.
    pub authors: Option<String>,
    /// Under which licences it may be used: an SPDX expression.
    pub licenses: Option<String>,
    /// The policy that it suggests; without one, what it suggested before stays.
    pub suggestion: Option<Suggestion>,
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
/// what is to be known about it. What it said of that before is replaced.
pub fn pack(bytes: &[u8], wit: &Wit, about: &About) -> Result<Packed, AuthoringError> {
    if bytes.len() > MAX_MODULE {
        return Err(AuthoringError::TooLarge);
    }
    let component = component::from_any(bytes, wit)?;
    let sections = sections(wit, about)?;
    let names: Vec<&str> = sections.iter().map(|(name, _)| *name).collect();
    let mut bytes =
        without(&component, &names).map_err(|cause| AuthoringError::NotWasm(cause.to_string()))?;
    for (name, data) in sections {
        CustomSection { name: name.into(), data: data.into() }.append_to_component(&mut bytes);
    }
    let warnings = advice(&bytes);
    Ok(Packed { bytes, warnings })
}

/// The custom sections that are written: the documentation, and the standard ones for which there is something
/// to say.
fn sections(wit: &Wit, about: &About) -> Result<Vec<(&'static str, Vec<u8>)>, AuthoringError> {
    let package = &wit.resolve.packages[wit.package];
    let version = about.version.clone().or_else(|| package.name.version.as_ref().map(ToString::to_string));
    let first = || package.docs.contents.as_deref().and_then(|docs| docs.lines().next()).map(str::to_owned);
    let description = about.description.clone().or_else(first);
    let docs = wit_component::encode(&wit.resolve, wit.package);
    let docs = docs.map_err(|cause| AuthoringError::Component(format!("{cause:#}")))?;
    let texts = [
        ("version", version),
        ("description", description),
        ("authors", about.authors.clone()),
        ("licenses", about.licenses.clone()),
    ];
    let mut sections = vec![(DOCS_SECTION, docs)];
    sections.extend(texts.into_iter().filter_map(|(name, text)| Some((name, text?.into_bytes()))));
    sections.extend(about.suggestion.as_ref().map(|it| (POLICY_SECTION, it.text().as_bytes().to_vec())));
    Ok(sections)
}

/// The component without the custom sections of these names that it has at its top level.
fn without(component: &[u8], names: &[&str]) -> wasmparser::Result<Vec<u8>> {
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
        let goes = matches!(&payload, Payload::CustomSection(section) if names.contains(&section.name()));
        if !goes {
            kept.extend_from_slice(&component[start..end]);
        }
        start = end;
    }
    Ok(kept)
}

#[allow(clippy::unwrap_used)]
#[cfg(test)]
mod tests {
    use super::*;

    const WIT: &str = "/// Counts.\npackage acme:count@1.2.3;\nworld module { /** Adds one. */ export add: func(a: u32) -> u32; }";
    const CORE: &str =
        r#"(module (func (export "add") (param i32) (result i32) local.get 0 i32.const 1 i32.add))"#;

    fn wit() -> Wit {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("count.wit"), WIT).unwrap();
        Wit::read(folder.path(), None).unwrap()
    }

    fn sections(component: &[u8]) -> Vec<(String, String)> {
        let payloads = Parser::new(0).parse_all(component).map(Result::unwrap);
        let custom = payloads.filter_map(|payload| match payload {
            Payload::CustomSection(section) => {
                Some((section.name().to_owned(), String::from_utf8_lossy(section.data()).into_owned()))
            }
            _ => None,
        });
        custom.collect()
    }

    #[test]
    fn a_core_module_becomes_a_component_that_says_what_it_is() {
        let about = About { authors: Some("Ada".into()), licenses: Some("MIT".into()), ..About::default() };
        let packed = pack(&wat::parse_str(CORE).unwrap(), &wit(), &about).unwrap();
        assert_eq!(packed.warnings, [""; 0]);
        wasmparser::Validator::new().validate_all(&packed.bytes).unwrap();
        let sections = sections(&packed.bytes);
        for (name, text) in
            [("version", "1.2.3"), ("description", "Counts."), ("authors", "Ada"), ("licenses", "MIT")]
        {
            assert!(sections.contains(&(name.into(), text.into())), "{name} is not among {sections:?}");
        }
        let docs = sections.iter().find(|(name, _)| name == DOCS_SECTION).unwrap();
        assert!(docs.1.contains("Adds one."));
    }

    #[test]
    fn packing_again_replaces_what_was_said_before() {
        let once = pack(&wat::parse_str(CORE).unwrap(), &wit(), &About::default()).unwrap().bytes;
        let newer = About { version: Some("2.0.0".into()), ..About::default() };
        let twice = pack(&once, &wit(), &newer).unwrap().bytes;
        wasmparser::Validator::new().validate_all(&twice).unwrap();
        let sections = sections(&twice);
        let of = |name: &str| sections.iter().filter(|(other, _)| other == name).collect::<Vec<_>>();
        assert_eq!(of(DOCS_SECTION).len(), 1);
        assert_eq!(of("version"), [&("version".to_owned(), "2.0.0".to_owned())]);
    }

    #[test]
    fn what_a_module_suggests_stays_until_it_suggests_something_else() {
        let suggest = |bytes: &[u8], text: Option<&str>| {
            let suggestion = text.map(|text| text.parse().unwrap());
            pack(bytes, &wit(), &About { suggestion, ..About::default() }).unwrap().bytes
        };
        let text_of =
            |bytes: &[u8]| minion_host::sandbox::suggestion(bytes).unwrap().map(|it| it.text().to_owned());
        let (read, all) = ("[read]\nfacts = ['*']\n", "[all]\nenv = ['LANG']\n");
        let none = suggest(&wat::parse_str(CORE).unwrap(), None);
        assert_eq!(text_of(&none), None);
        let first = suggest(&none, Some(read));
        assert_eq!(text_of(&first).as_deref(), Some(read));
        let repacked = suggest(&first, None);
        assert_eq!(text_of(&repacked).as_deref(), Some(read));
        let second = suggest(&repacked, Some(all));
        assert_eq!(text_of(&second).as_deref(), Some(all));
        assert_eq!(sections(&second).iter().filter(|(name, _)| name == POLICY_SECTION).count(), 1);
    }

    #[test]
    fn debug_information_is_warned_of() {
        let core = CORE.replace("(module", "(module (@custom \".debug_info\" \"0123\")");
        let packed = pack(&wat::parse_str(core).unwrap(), &wit(), &About::default()).unwrap();
        assert!(packed.warnings[0].contains("debug information"), "{:?}", packed.warnings);
        assert_eq!(packed.warnings.len(), 1);
    }

    #[test]
    fn what_does_not_fit_the_wit_is_refused_with_the_reason() {
        let other = wat::parse_str(r#"(module (func (export "sub")))"#).unwrap();
        let told = pack(&other, &wit(), &About::default()).unwrap_err().to_string();
        assert!(told.contains("no component can be made") && told.contains("add"), "{told}");
        let told = pack(b"#!/bin/sh", &wit(), &About::default()).unwrap_err().to_string();
        assert!(told.contains("not WebAssembly"), "{told}");
    }
}
