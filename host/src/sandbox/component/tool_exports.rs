//! Exports that tools leave behind in a component that they made, for their own use while they made it.
//!
//! Such an export is known by its name together with its signature, since what an author exports under such a name
//! is a method.

use wasmparser::PrimitiveValType;
use wasmparser::component_types::{
    ComponentDefinedType, ComponentEntityType, ComponentFuncTypeId, ComponentValType,
};
use wasmparser::types::TypesRef;

use crate::sandbox::component::surface::Surface;

/// What one tool leaves behind.
struct Leftover {
    /// The tool.
    tool: &'static str,
    /// The interface that it exports, unless the function is at the root.
    interface: Option<&'static str>,
    /// The name of the function, which is alone in its interface.
    function: &'static str,
    /// The names of its first parameters, the first of which is a text. Versions of the tool differ in what
    /// follows.
    params: [&'static str; 2],
}

const KNOWN: [Leftover; 2] = [
    Leftover {
        tool: "componentize-py",
        interface: Some("exports"),
        function: "init",
        params: ["app-name", "symbols"],
    },
    Leftover { tool: "componentize-qjs", interface: None, function: "init", params: ["shim", "script"] },
];

/// The tool that has left this export behind; `None` where it is the author's.
pub(in crate::sandbox) fn left_by(
    types: TypesRef<'_>,
    name: &str,
    export: &ComponentEntityType,
) -> Option<&'static str> {
    let known = KNOWN.iter().find(|known| known.is(types, name, export))?;
    Some(known.tool)
}

/// What to tell the author of the exports that are no methods because a tool has left them behind.
pub(in crate::sandbox) fn notes(surface: &Surface) -> Vec<String> {
    let types = surface.types();
    let note = |name: &String| {
        let tool = left_by(types, name, &types.component_item_for_export(name)?.ty)?;
        Some(format!(
            "its export \"{name}\" is no method: {tool} uses it while it makes a component, and left it"
        ))
    };
    surface.exports().iter().filter_map(note).collect()
}

impl Leftover {
    fn is(&self, types: TypesRef<'_>, name: &str, export: &ComponentEntityType) -> bool {
        match (self.interface, export) {
            (None, ComponentEntityType::Func(function)) => {
                name == self.function && self.fits(types, *function)
            }
            (Some(interface), ComponentEntityType::Instance(instance)) if name == interface => {
                let mut functions =
                    types[*instance].exports.iter().filter_map(|(name, item)| match item.ty {
                        ComponentEntityType::Func(function) => Some((name, function)),
                        _ => None,
                    });
                match (functions.next(), functions.next()) {
                    (Some((name, function)), None) => name == self.function && self.fits(types, function),
                    _ => false,
                }
            }
            _ => false,
        }
    }

    /// Whether a function has the signature of what the tool leaves behind, which ends in `result<_, string>`.
    fn fits(&self, types: TypesRef<'_>, function: ComponentFuncTypeId) -> bool {
        let function = &types[function];
        let names = function.params.iter().map(|(name, _)| name.as_str());
        let fails_with_text = match function.result {
            Some(ComponentValType::Type(id)) => {
                matches!(&types[id], ComponentDefinedType::Result { ok: None, err: Some(err), .. } if is_text(err))
            }
            _ => false,
        };
        fails_with_text
            && names.take(self.params.len()).eq(self.params)
            && function.params.first().is_some_and(|(_, ty)| is_text(ty))
    }
}

fn is_text(ty: &ComponentValType) -> bool {
    matches!(ty, ComponentValType::Primitive(PrimitiveValType::String))
}
