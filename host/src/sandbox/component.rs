//! A module that is loaded: compiled, linked, and what it exports, by reflection.

use std::sync::Arc;

use ledger::Kv;
use tokio_util::sync::{CancellationToken, DropGuard};
use wasmtime::component::{Component, ComponentExportIndex, InstancePre};
use wasmtime::{Engine, ResourcesRequired};
use wire::message::module::{MethodError, Module};
use wire::value::signature::Signature;

use super::capabilities::facts::Facts;
use super::counters::{Counters, ModuleCounters};
use super::describe::Description;
use super::error::Defect;
use super::guest::Guest;
use super::holdings::Budgets;
use super::memory::{MAX_MEMORIES, MAX_TABLES};
use crate::policy::{ByteSize, Limits, ModulePolicy, Suggestion};

/// Bytes of a page of linear memory.
const PAGE: u64 = 64 << 10;

/// A module in service: every job of it gets an instance of its own from here.
pub struct LoadedModule {
    /// What it is, as others see it.
    description: Module,
    /// What its jobs may do; fixed when it was loaded.
    policy: Arc<ModulePolicy>,
    /// What it suggests that they may.
    suggestion: Option<Arc<Suggestion>>,
    /// What is not as it should be.
    warnings: Vec<String>,
    /// What its jobs came to.
    counters: ModuleCounters,
    /// Its compiled code with all imports resolved.
    instances: InstancePre<Guest>,
    /// Where each method is in the component, in the order of the description.
    exports: Vec<ComponentExportIndex>,
    /// What of the minion its jobs get.
    provisions: Provisions,
    /// Cancelled when this is dropped. The last field, so that all of the above is gone by then.
    gone: (CancellationToken, DropGuard),
}

/// What the minion hands on to the jobs of a module.
pub(super) struct Provisions {
    /// Its keyspace, where policy grants it one and there is a ledger.
    pub(super) kv: Option<Kv>,
    /// What is known of the host.
    pub(super) facts: Facts,
    /// What they may take of the host, together with those of all other modules.
    pub(super) budgets: Budgets,
}

impl LoadedModule {
    /// Puts together a module that can be run.
    pub(super) fn new(
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

    /// What it is and what it exports.
    pub fn describe(&self) -> &Module {
        &self.description
    }

    /// The method of that name: `restart`, or `unit/restart`.
    pub fn method(&self, name: &str) -> Result<Signature<'_>, MethodError> {
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

    /// Cancelled once this and its compiled code are gone, which is when the last job of it is over.
    pub fn gone(&self) -> CancellationToken {
        self.gone.0.clone()
    }

    /// Limits, grants and settings of its jobs.
    pub(crate) fn policy(&self) -> &Arc<ModulePolicy> {
        &self.policy
    }

    /// What it suggests that they may do.
    pub(crate) fn suggestion(&self) -> Option<&Arc<Suggestion>> {
        self.suggestion.as_ref()
    }

    /// What of the minion its jobs get.
    pub(super) fn provisions(&self) -> &Provisions {
        &self.provisions
    }

    /// Where each of its jobs is counted.
    pub(super) fn count(&self) -> &ModuleCounters {
        &self.counters
    }

    /// What each of its jobs gets an instance from.
    pub(super) fn instances(&self) -> &InstancePre<Guest> {
        &self.instances
    }

    /// Where a method of this module is in the component.
    pub(super) fn export(&self, method: Signature<'_>) -> Option<&ComponentExportIndex> {
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
pub(super) fn check_resources(component: &Component, limits: &Limits) -> Result<(), Defect> {
    // A component that instantiates what it imports cannot be told in advance; its jobs will tell.
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

/// Compiles a component. Takes seconds for a large one.
pub(super) fn compile(engine: &Engine, bytes: &[u8]) -> Result<Component, Defect> {
    Component::from_binary(engine, bytes).map_err(|error| Defect::Compile(format!("{error:#}")))
}
