//! What a module is and exports, by reflection on its component.

use wasmtime::component::types::{ComponentFunc, ComponentItem};
use wasmtime::component::{Component, ComponentExportIndex};
use wire::digest::Digest;
use wire::module::{Module, ModuleState};
use wire::name::ModuleName;
use wire::signature::{Method, Type};

use super::docs;
use super::inspect::Inspection;
use super::types::reflect;

/// A module as others see it, and where its methods are.
pub(super) struct Description {
    /// What it is and exports.
    pub(super) module: Module,
    /// Where each method is in the component, in the order of the module.
    pub(super) exports: Vec<ComponentExportIndex>,
    /// What is not as it should be and yet no reason to refuse it.
    pub(super) warnings: Vec<String>,
}

/// What reflection finds in a component.
struct Reflection {
    /// The methods, interface by interface.
    methods: Vec<Method>,
    /// Where each is.
    exports: Vec<ComponentExportIndex>,
}

impl Description {
    /// Describes a component, with what it says of itself outside its code.
    pub(super) fn of(
        name: ModuleName,
        digest: Digest,
        inspection: Inspection,
        component: &Component,
    ) -> Self {
        let Reflection { mut methods, exports } = Reflection::of(component);
        let mut warnings = Vec::new();
        let summary = inspection.docs.and_then(|section| docs::apply(&section, &mut methods, &mut warnings));
        let module = Module {
            name,
            version: inspection.version,
            digest,
            description: inspection.description.or(summary),
            state: ModuleState::Active,
            methods,
            imports: inspection.imports,
            versions: Vec::new(),
        };
        Self { module, exports, warnings }
    }
}

impl Reflection {
    /// Every function of every exported interface, and those at the root.
    fn of(component: &Component) -> Self {
        let mut found = Self { methods: Vec::new(), exports: Vec::new() };
        let engine = component.engine();
        for (name, item) in component.component_type().exports(engine) {
            match item.ty {
                ComponentItem::ComponentFunc(function) => found.add(component, None, name, &function),
                ComponentItem::ComponentInstance(instance) if !is_foreign(name) => {
                    for (function, item) in instance.exports(engine) {
                        if let ComponentItem::ComponentFunc(ty) = item.ty {
                            found.add(component, Some(name), function, &ty);
                        }
                    }
                }
                _ => {}
            }
        }
        found
    }

    /// Adds one function, unless a tool left it behind.
    fn add(&mut self, component: &Component, interface: Option<&str>, name: &str, ty: &ComponentFunc) {
        if interface.is_none() && is_foreign(name) {
            return;
        }
        let index = match interface {
            Some(interface) => component
                .get_export_index(None, interface)
                .and_then(|instance| component.get_export_index(Some(&instance), name)),
            None => component.get_export_index(None, name),
        };
        // What reflection lists is there to be looked up.
        let Some(index) = index else { return };
        self.methods.push(method(interface, name, ty));
        self.exports.push(index);
    }
}

/// Whether an export belongs to a tool that made the component: Python leaves `exports`, QuickJS `init`.
/// Those of WASI are for other hosts to call.
pub(super) fn is_foreign(name: &str) -> bool {
    name.starts_with("wasi:") || matches!(name, "exports" | "init")
}

/// A function as a method.
fn method(interface: Option<&str>, name: &str, ty: &ComponentFunc) -> Method {
    let params = ty.params().map(|(name, ty)| (name.to_owned(), reflect(&ty))).collect();
    let result = ty.results().next().map(|ty| reflect(&ty));
    Method { is_async: ty.async_(), ..of_types(interface, name, params, result) }
}

/// A method of these types, with the reason why it cannot be called where it cannot.
pub(super) fn of_types(
    interface: Option<&str>,
    name: &str,
    params: Vec<(String, Type)>,
    result: Option<Type>,
) -> Method {
    // `[constructor]thing` and the like: the names that the component model gives to functions of resources.
    let not_callable = if name.starts_with('[') {
        Some("it belongs to a resource, which lives only as long as one job".to_owned())
    } else {
        let types = params.iter().map(|(_, ty)| ty).chain(&result);
        types.filter_map(|ty| ty.opaque()).next().map(|what| format!("its signature has a {what}"))
    };
    Method {
        interface: interface.map(str::to_owned),
        name: name.to_owned(),
        params,
        result,
        is_async: false,
        not_callable,
        docs: None,
    }
}
