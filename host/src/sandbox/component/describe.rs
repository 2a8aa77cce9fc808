//! What a module is and exports, by reflection on its component.

use wasmparser::component_types::{ComponentEntityType, ComponentFuncTypeId};
use wasmparser::types::TypesRef;
use wasmtime::component::{Component, ComponentExportIndex};
use wire::digest::Digest;
use wire::memory::Held as _;
use wire::message::module::{MAX_HELD, Module, ModuleState};
use wire::name::ModuleName;
use wire::value::method::{BadType, Method, Methods, TypeId, Types};

use crate::policy::Suggestion;
use crate::policy::suggestion::BadSuggestion;
use crate::sandbox::component::docs;
use crate::sandbox::component::inspect::Inspection;
use crate::sandbox::component::surface;
use crate::sandbox::component::surface::Surface;
use crate::sandbox::component::tool_exports::left_by;
use crate::sandbox::component::types::Reflector;
use crate::sandbox::error::{Defect, in_one_line};
use crate::sandbox::run::command;

/// A module as others see it.
#[derive(Debug)]
pub(in crate::sandbox) struct Description {
    /// What the module is and exports.
    pub(in crate::sandbox) module: Module,
    /// The policy that the module suggests.
    pub(in crate::sandbox) suggestion: Option<Suggestion>,
    /// What is not as it should be, and is no reason to refuse the module.
    pub(in crate::sandbox) warnings: Vec<String>,
}

impl Description {
    /// Describes a component by its types and by what it says of itself outside its code.
    ///
    /// # Errors
    /// Where the description would be larger than overlords take.
    pub(in crate::sandbox) fn of(
        name: ModuleName,
        digest: Digest,
        inspection: Inspection,
        surface: &Surface,
    ) -> Result<Self, Defect> {
        let mut methods = reflect(surface)?;
        let mut warnings = Vec::new();
        let summary = inspection.docs.and_then(|section| docs::apply(&section, &mut methods, &mut warnings));
        // What a module says of itself goes before what can be seen of it.
        let seen = || methods.is_empty().then(|| surface::what_it_is(surface).to_owned());
        let suggestion = inspection.suggested.and_then(|section| suggested(&section, &mut warnings));
        let mut module = Module {
            name,
            version: inspection.version,
            digest,
            description: inspection.description.or(summary).or_else(seen),
            state: ModuleState::Active,
            methods,
            imports: inspection.imports.into_iter().filter(|import| surface.needs(import)).collect(),
            versions: Vec::new(),
        };
        // A module that no overlord takes is refused here: otherwise it would have to be left out of every
        // inventory.
        module.fit().map_err(Defect::Unfit)?;
        if module.held() > MAX_HELD {
            return Err(Defect::TooMuchToTell);
        }
        Ok(Self { module, suggestion, warnings })
    }

    /// The places of the methods in the compiled component, in the order of the module.
    pub(in crate::sandbox) fn exports(
        &self,
        component: &Component,
    ) -> Result<Vec<ComponentExportIndex>, Defect> {
        let export = |method: &Method| match &method.interface {
            Some(interface) => {
                let instance = component.get_export_index(None, interface)?;
                component.get_export_index(Some(&instance), &method.name)
            }
            None => component.get_export_index(None, &method.name),
        };
        let found = self.module.methods.iter().map(|method| export(&method));
        found.collect::<Option<_>>().ok_or_else(|| Defect::Compile("an export is gone".to_owned()))
    }
}

/// The suggestion in a section. A bad one is worth a warning, and no reason to refuse the module.
fn suggested(section: &[u8], warnings: &mut Vec<String>) -> Option<Suggestion> {
    let warning = |error: BadSuggestion| {
        format!(
            "the policy that it suggests cannot be read and is left out: {}",
            in_one_line(&error.to_string())
        )
    };
    Suggestion::from_bytes(section).map_err(|error| warnings.push(warning(error))).ok()
}

/// The methods of a component: every function of every exported interface, and those at the root, without those
/// that a tool left behind.
pub(in crate::sandbox) fn reflect(surface: &Surface) -> Result<Methods, Defect> {
    Reflection::of(surface.types(), surface.exports()).map_err(|error| match error {
        Unlisted::Types(_) | Unlisted::TooMuch => Defect::TooMuchToTell,
    })
}

/// Why the methods of a component cannot be listed.
#[derive(Debug, thiserror::Error)]
enum Unlisted {
    #[error(transparent)]
    Types(#[from] BadType),
    #[error("there is more to tell than is told")]
    TooMuch,
}

/// The methods that were found so far.
struct Reflection<'a> {
    types: TypesRef<'a>,
    reflector: Reflector<'a>,
    methods: Vec<Method>,
    held: usize,
}

impl<'a> Reflection<'a> {
    /// The methods behind these exports.
    fn of(types: TypesRef<'a>, exports: &[String]) -> Result<Methods, Unlisted> {
        let reflector = Reflector::new(types);
        let mut found = Self { types, reflector, methods: Vec::new(), held: 0 };
        for name in exports {
            if let Some(item) = types.component_item_for_export(name) {
                found.names(name, &item.ty);
            }
        }
        for name in exports {
            let Some(item) = types.component_item_for_export(name) else { continue };
            if left_by(types, name, &item.ty).is_some() {
                continue;
            }
            match item.ty {
                ComponentEntityType::Func(function) => found.add(None, name, function)?,
                ComponentEntityType::Instance(instance) => {
                    for (function, item) in &types[instance].exports {
                        if let ComponentEntityType::Func(ty) = item.ty {
                            found.add_of(name, function, ty)?;
                        }
                    }
                }
                _ => {}
            }
        }
        let table = found.reflector.finish();
        found.held += table.held();
        if found.held > MAX_HELD {
            return Err(Unlisted::TooMuch);
        }
        Ok(Methods::new(table, found.methods)?)
    }

    /// Notes the names of the types that are exported under this name.
    fn names(&mut self, name: &str, exported: &ComponentEntityType) {
        match exported {
            ComponentEntityType::Type { .. } => self.reflector.name(None, name, exported),
            ComponentEntityType::Instance(instance) => {
                for (ty, item) in &self.types[*instance].exports {
                    self.reflector.name(Some(name), ty, &item.ty);
                }
            }
            _ => {}
        }
    }

    /// Adds one function of an interface. WASI's own functions are for other hosts to call, so of those only a
    /// command becomes a method.
    fn add_of(&mut self, interface: &str, name: &str, function: ComponentFuncTypeId) -> Result<(), Unlisted> {
        if !interface.starts_with("wasi:") {
            return self.add(Some(interface), name, function);
        }
        match command::method(interface, name, function, self.types, &mut self.reflector)? {
            Some(method) => self.push(method),
            None => Ok(()),
        }
    }

    /// Adds one function.
    fn add(&mut self, interface: Option<&str>, name: &str, ty: ComponentFuncTypeId) -> Result<(), Unlisted> {
        let types = self.types;
        let function = &types[ty];
        let mut params = Vec::with_capacity(function.params.len());
        for (name, ty) in &function.params {
            params.push((name.to_string(), self.reflector.reflect(ty)?));
        }
        let result = function.result.as_ref().map(|ty| self.reflector.reflect(ty)).transpose()?;
        let not_callable = why_not_callable(name, &params, result, self.reflector.types());
        let method = Method {
            interface: interface.map(str::to_owned),
            name: name.to_owned(),
            params,
            result,
            is_async: function.async_,
            not_callable,
            docs: None,
        };
        self.push(method)
    }

    fn push(&mut self, method: Method) -> Result<(), Unlisted> {
        self.held += method.held();
        self.methods.push(method);
        // Counted as they are found, since a component can have a million exports.
        if self.held > MAX_HELD { Err(Unlisted::TooMuch) } else { Ok(()) }
    }
}

/// The reason why a function cannot be called from outside; `None` where it can.
fn why_not_callable(
    name: &str,
    params: &[(String, TypeId)],
    result: Option<TypeId>,
    types: &Types,
) -> Option<String> {
    // The component model gives names such as `[constructor]thing` to functions of resources.
    match name.split_once(']') {
        Some(("[static", _)) => {
            return Some(
                "it is a static function of a resource: export it as a function of the interface".to_owned(),
            );
        }
        Some(("[constructor", _)) => {
            return Some("it makes a resource, which lives only as long as one job".to_owned());
        }
        Some(_) => return Some("it belongs to a resource, which lives only as long as one job".to_owned()),
        None => {}
    }
    let mut used = params.iter().map(|(_, ty)| *ty).chain(result).filter_map(|ty| types.get(ty));
    used.find_map(|ty| ty.opaque()).map(|what| {
        let article = if what.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
        format!("its signature has {article} {what}")
    })
}
