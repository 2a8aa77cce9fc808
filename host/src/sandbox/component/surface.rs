//! What a component imports and exports, by the types that the validator finds.

use std::collections::{HashMap, HashSet};

use wasmparser::component_types::{ComponentAnyTypeId, ComponentEntityType, ComponentInstanceTypeId};
use wasmparser::types::{Types, TypesRef};
use wasmparser::{
    CanonicalFunction, ComponentExternalKind, Parser, Payload, ValidPayload, Validator, WasmFeatures,
};

use crate::sandbox::error::{Defect, MAX_FUNCTION};

/// What is to be seen of a valid component from outside.
pub(in crate::sandbox) struct Surface {
    types: Types,
    /// The names of the functions, instances and types that it exports, in order.
    exports: Vec<String>,
    /// The imports that hold nothing but types.
    types_alone: HashSet<String>,
}

impl Surface {
    /// Reads a component that may use these features of the language. The bodies of functions are only measured
    /// here: the compiler looks at them.
    ///
    /// # Errors
    /// Where the bytes are not valid, or a function is too large to be compiled.
    pub(in crate::sandbox) fn read(bytes: &[u8], features: WasmFeatures) -> Result<Self, Defect> {
        let invalid = |error: wasmparser::BinaryReaderError| Defect::Invalid(error.to_string());
        let mut validator = Validator::new_with_features(features);
        let (mut imports, mut exports, mut depth) = (Vec::new(), Vec::new(), 0_usize);
        let mut found = None;
        for payload in Parser::new(0).parse_all(bytes) {
            let payload = payload.map_err(invalid)?;
            match &payload {
                Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
                Payload::End(_) => depth = depth.saturating_sub(1),
                Payload::ComponentImportSection(section) if depth == 0 => {
                    for import in section.clone() {
                        imports.push(import.map_err(invalid)?.name.name.to_owned());
                    }
                }
                Payload::ComponentExportSection(section) if depth == 0 => {
                    for export in section.clone() {
                        let export = export.map_err(invalid)?;
                        exports.extend(is_told(export.kind).then(|| export.name.name.to_owned()));
                    }
                }
                Payload::CodeSectionEntry(body) if body.range().len() > MAX_FUNCTION => {
                    return Err(Defect::LargeFunction(body.range().len()));
                }
                Payload::ComponentCanonicalSection(section) => {
                    for function in section.clone() {
                        // The host would keep their texts, without a bound.
                        if let CanonicalFunction::ErrorContextNew { .. } = function.map_err(invalid)? {
                            return Err(Defect::Unsupported("makes values of the type error-context"));
                        }
                    }
                }
                _ => {}
            }
            // Several things end; the component itself is the last of them.
            if let ValidPayload::End(types) = validator.payload(&payload).map_err(invalid)? {
                found = Some(types);
            }
        }
        let types = found.ok_or_else(|| Defect::Invalid("it ends too early".to_owned()))?;
        let types_alone = types_alone(types.as_ref(), imports);
        Ok(Self { types, exports, types_alone })
    }

    /// All types of the component.
    pub(in crate::sandbox) fn types(&self) -> TypesRef<'_> {
        self.types.as_ref()
    }

    /// The names of the functions, instances and types that it exports, in order.
    pub(in crate::sandbox) fn exports(&self) -> &[String] {
        &self.exports
    }

    /// Whether an import needs something of the host. An interface that holds nothing but types needs nobody,
    /// since the component has them all itself; a resource is made by somebody, and so needs the host that makes
    /// it.
    pub(in crate::sandbox) fn needs(&self, import: &str) -> bool {
        !self.types_alone.contains(import)
    }
}

/// Whether an export of this kind is a method, has methods, or gives a type its name.
fn is_told(kind: ComponentExternalKind) -> bool {
    use ComponentExternalKind::{Func, Instance, Type};
    matches!(kind, Func | Instance | Type)
}

/// The imports among these that hold nothing but types.
fn types_alone(types: TypesRef<'_>, imports: Vec<String>) -> HashSet<String> {
    let mut known = HashMap::new();
    let mut alone = |name: &str| {
        let import = types.component_item_for_import(name);
        import.is_some_and(|item| is_types(types, &item.ty, &mut known))
    };
    imports.into_iter().filter(|name| alone(name)).collect()
}

/// Whether something is a type, or an instance of nothing but types. The validator bounds how deep instances are
/// nested; each is looked at once, however often it is used.
fn is_types(
    types: TypesRef<'_>,
    item: &ComponentEntityType,
    known: &mut HashMap<ComponentInstanceTypeId, bool>,
) -> bool {
    match item {
        ComponentEntityType::Type { created, .. } => !matches!(created, ComponentAnyTypeId::Resource(_)),
        ComponentEntityType::Instance(id) => {
            if let Some(found) = known.get(id) {
                return *found;
            }
            let found = types[*id].exports.values().all(|item| is_types(types, &item.ty, known));
            known.insert(*id, found);
            found
        }
        ComponentEntityType::Module(_)
        | ComponentEntityType::Func(_)
        | ComponentEntityType::Value(_)
        | ComponentEntityType::Component(_) => false,
    }
}

/// Says what a component is whose exports hold no function that could be a method; reads on from the component's
/// name.
pub(in crate::sandbox) fn what_it_is(surface: &Surface) -> &'static str {
    let exports = |interface: &str| {
        let versioned = format!("{interface}@");
        surface.exports().iter().any(|export| export == interface || export.starts_with(&versioned))
    };
    if exports("wasi:cli/run") {
        "exports \"wasi:cli/run\" as a command does, without its function `run: func() -> result`"
    } else if exports("wasi:http/incoming-handler") || exports("wasi:http/handler") {
        "is an HTTP proxy, which serves requests"
    } else if surface.exports().is_empty() {
        "exports nothing"
    } else {
        "exports no function of its own"
    }
}
