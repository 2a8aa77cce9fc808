//! What can be said of a module's bytes before anything of it is compiled or its types are looked at.

use std::borrow::Cow;

use wasmparser::{Encoding, Parser, Payload, Validator, WasmFeatures};

use wire::digest::Digest;
use wire::message::caps::MAX_VERSION;
use wire::name::ModuleName;
use wire::signing::ModuleClaim;

use crate::policy::suggestion::{BadSuggestion, MAX_SECTION, SECTION as POLICY_SECTION};
use crate::policy::{Grants, Suggestion};
use crate::sandbox::component::imports::Import;
use crate::sandbox::component::surface::Surface;
use crate::sandbox::error::{Defect, LoadError, MAX_MODULE, in_one_line};

/// The name of the custom section that carries a module's documentation.
pub const DOCS_SECTION: &str = "minion:wit";

/// What a component says of itself outside its code.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::sandbox) struct Inspection {
    /// The names of the interfaces that it imports, in order.
    pub(in crate::sandbox) imports: Vec<String>,
    /// The version in its metadata, if it has one.
    pub(in crate::sandbox) version: Option<String>,
    /// The description in its metadata, if it has one.
    pub(in crate::sandbox) description: Option<String>,
    /// Its documentation: an encoded WIT package.
    pub(in crate::sandbox) docs: Option<Vec<u8>>,
    /// The policy that it suggests. Of one that is too large there is only as much as shows that it is.
    pub(in crate::sandbox) suggested: Option<Vec<u8>>,
}

/// Reads the outside of a component.
///
/// # Errors
/// [`Defect`], which says what the bytes are instead.
pub(in crate::sandbox) fn inspect(bytes: &[u8]) -> Result<Inspection, Defect> {
    recognise(bytes)?;
    let mut found = Inspection::default();
    let mut depth = 0_usize;
    let invalid = |error: wasmparser::BinaryReaderError| Defect::Invalid(error.to_string());
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.map_err(invalid)? {
            Payload::Version { encoding: Encoding::Module, .. } if depth == 0 => {
                return Err(Defect::CoreModule);
            }
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(imports) if depth == 0 => {
                for import in imports {
                    found.imports.push(import.map_err(invalid)?.name.name.to_owned());
                }
            }
            Payload::CustomSection(section) => found.custom(depth, section.name(), section.data()),
            _ => {}
        }
    }
    Ok(found)
}

/// The policy that a module suggests; `None` where it suggests none, or the bytes are no component.
///
/// # Errors
/// [`BadSuggestion`], where the section that has it cannot be read.
pub fn suggestion(bytes: &[u8]) -> Result<Option<Suggestion>, BadSuggestion> {
    // Bytes that are no component are refused elsewhere, with a reason.
    let suggested = inspect(bytes).ok().and_then(|inspection| inspection.suggested);
    suggested.map(|section| Suggestion::from_bytes(&section)).transpose()
}

/// What the signature of a module vouches for, put together from its file.
///
/// # Errors
/// [`LoadError`], where the bytes are no component.
pub fn claim(name: ModuleName, bytes: &[u8]) -> Result<ModuleClaim, LoadError> {
    match inspect(bytes) {
        Ok(Inspection { version, imports, .. }) => {
            Ok(ModuleClaim::new(name, version, Digest::of(bytes), imports))
        }
        Err(defect) => Err(LoadError { module: name, defects: vec![defect] }),
    }
}

impl Inspection {
    /// What it imports of its host, compared with what policy grants; all imports, where its surface is not known.
    pub(in crate::sandbox) fn imports(&self, grants: &Grants, surface: Option<&Surface>) -> Vec<Import> {
        let needed = |import: &&String| surface.is_none_or(|surface| surface.needs(import));
        self.imports.iter().filter(needed).map(|interface| Import::new(interface, grants)).collect()
    }

    /// The policy that it suggests; `None` where there is none that can be read.
    pub(in crate::sandbox) fn suggestion(&self) -> Option<Suggestion> {
        self.suggested.as_deref().and_then(|section| Suggestion::from_bytes(section).ok())
    }

    /// Looks at one custom section, at this depth of nesting.
    fn custom(&mut self, depth: usize, name: &str, data: &[u8]) {
        let text = || in_one_line(&String::from_utf8_lossy(data));
        match name {
            "version" => set(&mut self.version, depth, || as_version(text())),
            "description" => set(&mut self.description, depth, text),
            DOCS_SECTION => set(&mut self.docs, depth, || data.to_vec()),
            POLICY_SECTION => {
                set(&mut self.suggested, depth, || data[..data.len().min(MAX_SECTION + 1)].to_vec());
            }
            _ => {}
        }
    }
}

/// The version that a module gives itself, as an overlord takes it: a short line of visible ASCII.
fn as_version(text: String) -> String {
    let visible = |c: char| if c == ' ' || c.is_ascii_graphic() { c } else { '?' };
    text.chars().take(MAX_VERSION).map(visible).collect()
}

/// Takes what a section says. A compiler writes into the core module inside, and a tool that adds something later
/// writes outside of it: so the last section outside counts, and where there is none the first inside.
fn set<T>(found: &mut Option<T>, depth: usize, read: impl FnOnce() -> T) {
    if depth == 0 || found.is_none() {
        *found = Some(read());
    }
}

/// Whether the bytes are valid with these features of the language.
///
/// # Errors
/// [`Defect::Invalid`], with what is wrong.
pub(in crate::sandbox) fn validate(bytes: &[u8], features: WasmFeatures) -> Result<(), Defect> {
    let outcome = Validator::new_with_features(features).validate_all(bytes);
    outcome.map(|_| ()).map_err(|error| Defect::Invalid(error.to_string()))
}

/// Tells WebAssembly from what people and tools give in its place.
///
/// # Errors
/// [`Defect`], which says what the bytes are instead.
fn recognise(bytes: &[u8]) -> Result<(), Defect> {
    if bytes.is_empty() {
        return Err(Defect::Empty);
    }
    if bytes.len() > MAX_MODULE {
        return Err(Defect::TooLarge(bytes.len()));
    }
    if bytes.starts_with(b"\x7fELF") {
        return Err(Defect::MachineCode);
    }
    if bytes.starts_with(b"\0asm") {
        return Ok(());
    }
    // The beginning is enough to tell that it is text, so a large file is not read twice.
    let start = &bytes[..bytes.len().min(1024)];
    let printable = |c: char| !c.is_control() || c.is_whitespace();
    match String::from_utf8_lossy(start) {
        // A character that is cut off at the end is replaced too, so only what stands before it counts.
        Cow::Borrowed(text) if text.chars().all(printable) => Err(Defect::Text),
        Cow::Owned(text)
            if text.trim_end_matches('\u{fffd}').chars().all(|c| printable(c) && c != '\u{fffd}') =>
        {
            Err(Defect::Text)
        }
        _ => Err(Defect::NotWasm),
    }
}

#[allow(clippy::unwrap_used)]
#[cfg(test)]
mod tests {
    use super::*;

    fn refused(bytes: &[u8]) -> Defect {
        inspect(bytes).expect_err("refused")
    }

    #[test]
    fn what_is_not_a_component_is_named() {
        assert!(matches!(refused(b""), Defect::Empty));
        assert!(matches!(refused("(component) ; grüß".as_bytes()), Defect::Text));
        assert!(matches!(refused(&wat::parse_str("(module)").unwrap()), Defect::CoreModule));
        assert!(matches!(refused(b"\x7fELF\x02\x01"), Defect::MachineCode));
        assert!(matches!(refused(&[0x17, 0x00, 0xff, 0x80]), Defect::NotWasm));
        assert!(matches!(refused(&vec![0; MAX_MODULE + 1]), Defect::TooLarge(_)));
    }

    #[test]
    fn a_component_cut_off_anywhere_is_refused_or_at_least_not_valid() {
        let whole = wat::parse_str(
            r#"(component (core module $m (func (export "f"))) (core instance $i (instantiate $m))
                (func (export "f") (canon lift (core func $i "f"))))"#,
        )
        .unwrap();
        assert!(inspect(&whole).is_ok());
        for length in 0..whole.len() {
            let cut = &whole[..length];
            // A cut between two sections leaves a smaller component that is whole in itself.
            assert!(inspect(cut).is_err() || length >= 8, "{length} bytes");
        }
    }

    #[test]
    fn metadata_and_docs_are_read_and_the_outermost_docs_count() {
        let bytes = wat::parse_str(
            r#"(component
                (core module (@custom "minion:wit" "inner") (@custom "version" "9")
                    (@custom "minion:policy" "[read]\nfacts = ['*']"))
                (@custom "version" "1.2.3")
                (@custom "description" "says hello")
                (import "a:b/c@1.0.0" (instance)))"#,
        )
        .unwrap();
        let found = inspect(&bytes).unwrap();
        assert_eq!(found.version.as_deref(), Some("1.2.3"));
        assert_eq!(found.description.as_deref(), Some("says hello"));
        assert_eq!(found.docs.as_deref(), Some(&b"inner"[..]));
        assert_eq!(found.imports, ["a:b/c@1.0.0"]);
        let suggested = suggestion(&bytes).unwrap().unwrap();
        assert_eq!(suggested.levels()[0].name().as_str(), "read");
    }

    #[test]
    fn a_version_is_one_that_an_overlord_takes() {
        let of = |version: &str| {
            let text = format!("(component (@custom \"version\" \"{version}\"))");
            inspect(&wat::parse_str(text).unwrap()).unwrap().version.unwrap()
        };
        assert_eq!(of("1.2.3-rc.1+build 5"), "1.2.3-rc.1+build 5");
        for bad in ["1.0é", "\\u{202e}1", "x\\1b[2Jy", &"1".repeat(5_000)] {
            let version = of(bad);
            assert!(wire::message::caps::is_version(&version), "{version:?}");
        }
    }
}
