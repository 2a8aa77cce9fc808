//! A module that is loaded: compiled and linked, with a description of what it exports.

use std::sync::Arc;

use tokio_util::sync::{CancellationToken, DropGuard};
use wasmtime::component::{Component, ComponentExportIndex, InstancePre};
use wasmtime::{Engine, ResourcesRequired};
use wire::message::module::{MethodError, Module};
use wire::value::method::Signature;

use crate::policy::{ByteSize, Limits, ModulePolicy, Suggestion};
use crate::sandbox::capabilities::facts::Facts;
use crate::sandbox::component::describe::Description;
use crate::sandbox::error::Defect;
use crate::sandbox::limits::counters::{Counters, ModuleCounters};
use crate::sandbox::limits::job_budgets::Budgets;
use crate::sandbox::limits::memory::{MAX_MEMORIES, MAX_TABLES};
use crate::sandbox::run::guest::Guest;

/// The size of a page of linear memory, in bytes.
const PAGE: u64 = 64 << 10;

/// A module that is ready to run: every job gets an instance of its own from it.
pub struct LoadedModule {
    /// What the module is, as others see it.
    description: Module,
    /// What the module's jobs may do; fixed when it was loaded.
    policy: Arc<ModulePolicy>,
    /// What the module suggests that its jobs may do.
    suggestion: Option<Arc<Suggestion>>,
    /// What is not as it should be, and is no reason to refuse the module.
    warnings: Vec<String>,
    /// What the module's jobs came to.
    counters: ModuleCounters,
    /// The compiled code with all imports resolved.
    instances: InstancePre<Guest>,
    /// The places of the methods in the component, in the order of the description.
    exports: Vec<ComponentExportIndex>,
    /// What the module's jobs get of the process.
    provisions: Provisions,
    /// Cancelled when this is dropped. The last field, so that everything above is gone by then.
    gone: (CancellationToken, DropGuard),
}

/// What the jobs of a module get of the process, whichever of its minions they are of.
pub(in crate::sandbox) struct Provisions {
    /// What is known of the host.
    pub(in crate::sandbox) facts: Facts,
    /// What the jobs may take of the host, together with those of all other modules.
    pub(in crate::sandbox) budgets: Budgets,
}

impl LoadedModule {
    /// Puts together a module that can be run.
    pub(in crate::sandbox) fn new(
        description: Description,
        exports: Vec<ComponentExportIndex>,
        policy: &ModulePolicy,
        instances: InstancePre<Guest>,
        provisions: Provisions,
    ) -> Self {
        let Description { module, suggestion, warnings } = description;
        let policy = Arc::new(policy.clone());
        let counters = ModuleCounters::default();
        let gone = CancellationToken::new();
        let gone = (gone.clone(), gone.drop_guard());
        let suggestion = suggestion.map(Arc::new);
        Self {
            description: module,
            policy,
            suggestion,
            warnings,
            counters,
            instances,
            exports,
            provisions,
            gone,
        }
    }

    /// What the module is and what it exports.
    pub fn describe(&self) -> &Module {
        &self.description
    }

    /// The method of that name: `restart`, or `unit/restart`.
    ///
    /// # Errors
    /// As [`Module::method`].
    pub fn method(&self, name: &str) -> Result<Signature<'_>, MethodError> {
        self.description.method(name)
    }

    /// How much each job of the module may use.
    pub fn limits(&self) -> &Limits {
        &self.policy.limits
    }

    /// What is not as it should be, and is no reason to refuse the module.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// What the module's jobs came to so far.
    pub fn counters(&self) -> Counters {
        self.counters.read()
    }

    /// Cancelled once this and its compiled code are gone, which is when the last job of it is over.
    pub fn gone(&self) -> CancellationToken {
        self.gone.0.clone()
    }

    /// The limits, grants and settings of the module's jobs.
    pub(crate) fn policy(&self) -> &Arc<ModulePolicy> {
        &self.policy
    }

    /// What the module suggests that its jobs may do.
    pub(crate) fn suggestion(&self) -> Option<&Arc<Suggestion>> {
        self.suggestion.as_ref()
    }

    /// What the module's jobs get of the process.
    pub(in crate::sandbox) fn provisions(&self) -> &Provisions {
        &self.provisions
    }

    /// The counters that each of the module's jobs is added to.
    pub(in crate::sandbox) fn count(&self) -> &ModuleCounters {
        &self.counters
    }

    /// What each of the module's jobs gets its instance from.
    pub(in crate::sandbox) fn instances(&self) -> &InstancePre<Guest> {
        &self.instances
    }

    /// The place of a method of this module in the component.
    pub(in crate::sandbox) fn export(&self, method: Signature<'_>) -> Option<&ComponentExportIndex> {
        let is_it = |own: Signature<'_>| std::ptr::eq(own.method(), method.method());
        let place = self.description.methods.iter().position(is_it)?;
        self.exports.get(place)
    }
}

impl std::fmt::Debug for LoadedModule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LoadedModule").field("description", &self.description).finish_non_exhaustive()
    }
}

/// Whether an instance of a component fits the limits before it has done anything.
///
/// # Errors
/// [`Defect::OverLimits`], with what does not fit.
pub(in crate::sandbox) fn check_resources(component: &Component, limits: &Limits) -> Result<(), Defect> {
    // The needs of a component that instantiates what it imports cannot be told in advance: its jobs will show
    // them.
    let Some(needed) = component.resources_required() else { return Ok(()) };
    let ResourcesRequired { num_memories, max_initial_memory_size, num_tables, max_initial_table_size } =
        needed;
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

/// Compiles a component. Blocks, for seconds where it is large.
///
/// # Errors
/// [`Defect::Compile`], in the words of the compiler.
pub(in crate::sandbox) fn compile(engine: &Engine, bytes: &[u8]) -> Result<Component, Defect> {
    Component::from_binary(engine, bytes).map_err(|error| Defect::Compile(format!("{error:#}")))
}
