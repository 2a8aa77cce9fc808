//! A module that is loaded: compiled, linked, and what it exports, by reflection.

use std::sync::Arc;

use wasmtime::component::types::{ComponentFunc, ComponentItem};
use wasmtime::component::{Component, ComponentExportIndex, InstancePre};
use wasmtime::{Engine, ResourcesRequired};
use wire::digest::Digest;
use wire::module::{MethodError, Module, ModuleState};
use wire::name::ModuleName;
use wire::signature::Method;

use super::counters::{Counters, ModuleCounters};
use super::docs;
use super::error::Defect;
use super::guest::Guest;
use super::inspect::Inspection;
use super::memory::{MAX_MEMORIES, MAX_TABLES};
use super::types::reflect;
use crate::policy::{ByteSize, Limits, ModulePolicy};

/// Bytes of a page of linear memory.
const PAGE: u64 = 64 << 10;

/// A module in service: every job of it gets an instance of its own from here.
pub struct LoadedModule {
    description: Module,
    policy: Arc<ModulePolicy>,
    warnings: Vec<String>,
    counters: ModuleCounters,
    instances: InstancePre<Guest>,
    /// Where each method is in the component, in the order of the description.
    exports: Vec<ComponentExportIndex>,
}

/// What reflection finds in a component.
pub(super) struct Reflection {
    methods: Vec<Method>,
    exports: Vec<ComponentExportIndex>,
}

impl LoadedModule {
    /// Puts together what was found out about a module.
    pub(super) fn new(
        name: ModuleName,
        digest: Digest,
        inspection: Inspection,
        policy: &ModulePolicy,
        instances: InstancePre<Guest>,
    ) -> Self {
        let Reflection { mut methods, exports } = Reflection::of(instances.component());
        let mut warnings = Vec::new();
        let summary = inspection.docs.and_then(|section| docs::apply(&section, &mut methods, &mut warnings));
        let description = Module {
            name,
            version: inspection.version,
            digest,
            description: inspection.description.or(summary),
            state: ModuleState::Active,
            methods,
            imports: inspection.imports,
        };
        let policy = Arc::new(policy.clone());
        Self { description, policy, warnings, counters: ModuleCounters::default(), instances, exports }
    }

    /// What it is and what it exports.
    pub fn describe(&self) -> &Module {
        &self.description
    }

    /// The method of that name: `restart`, or `unit/restart`.
    pub fn method(&self, name: &str) -> Result<&Method, MethodError> {
        self.description.method(name)
    }

    /// How much each of its jobs may use.
    pub fn limits(&self) -> &Limits {
        &self.policy.limits
    }

    /// What is not as it should be and yet no reason to refuse it.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// What its jobs came to so far.
    pub fn counters(&self) -> Counters {
        self.counters.read()
    }

    pub(super) fn policy(&self) -> &Arc<ModulePolicy> {
        &self.policy
    }

    pub(super) fn count(&self) -> &ModuleCounters {
        &self.counters
    }

    pub(super) fn instances(&self) -> &InstancePre<Guest> {
        &self.instances
    }

    /// Where a method of this module is in the component.
    pub(super) fn export(&self, method: &Method) -> Option<&ComponentExportIndex> {
        let place = self.description.methods.iter().position(|own| std::ptr::eq(own, method))?;
        self.exports.get(place)
    }
}

impl std::fmt::Debug for LoadedModule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LoadedModule").field("description", &self.description).finish_non_exhaustive()
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
fn is_foreign(name: &str) -> bool {
    name.starts_with("wasi:") || matches!(name, "exports" | "init")
}

fn method(interface: Option<&str>, name: &str, ty: &ComponentFunc) -> Method {
    let params: Vec<_> = ty.params().map(|(name, ty)| (name.to_owned(), reflect(&ty))).collect();
    let result = ty.results().next().map(|ty| reflect(&ty));
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
        is_async: ty.async_(),
        not_callable,
        docs: None,
    }
}

/// Whether an instance of a component fits the limits before it has done anything.
pub(super) fn check_resources(component: &Component, limits: &Limits) -> Result<(), Defect> {
    // A component that instantiates what it imports cannot be told in advance; its jobs will tell.
    let Some(needed) = component.resources_required() else { return Ok(()) };
    let ResourcesRequired { num_memories, max_initial_memory_size, num_tables, max_initial_table_size } = needed;
    let memory = max_initial_memory_size.unwrap_or(0).saturating_mul(PAGE);
    let table = max_initial_table_size.unwrap_or(0);
    let problem = if memory > limits.memory {
        let memory = ByteSize(memory);
        Some(format!("it begins with {memory} of memory and limits.memory is {}", ByteSize(limits.memory)))
    } else if table > limits.table {
        Some(format!("it has a table of {table} elements and limits.table is {}", limits.table))
    } else if num_memories as usize > MAX_MEMORIES {
        Some(format!("it has {num_memories} memories, and {MAX_MEMORIES} are the most"))
    } else if num_tables as usize > MAX_TABLES {
        Some(format!("it has {num_tables} tables, and {MAX_TABLES} are the most"))
    } else {
        None
    };
    problem.map_or(Ok(()), |problem| Err(Defect::OverLimits(problem)))
}

/// Compiles a component. Takes seconds for a large one.
pub(super) fn compile(engine: &Engine, bytes: &[u8]) -> Result<Component, Defect> {
    Component::from_binary(engine, bytes).map_err(|error| Defect::Compile(format!("{error:#}")))
}
