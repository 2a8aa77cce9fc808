//! The engines: how guests are compiled and where their memory comes from.
//!
//! There are two, because the machinery for `async func` costs every job a few microseconds: one without it
//! for most components, and one with it, made when the first component needs it.

use std::fmt;
use std::hash::{Hash, Hasher};

use nix::sys::resource::{Resource, getrlimit};
use sha2::{Digest as _, Sha256};
use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig,
    WasmBacktraceDetails, WasmFeatures,
};

use crate::sandbox::limits::memory::{MAX_INSTANCES, MAX_MEMORIES, MAX_TABLES};

/// How much address space one memory takes with its guard, as the pool reserves it, in bytes.
const SLOT_SPACE: u64 = (4 << 30) + (64 << 20);
/// How much address space one engine may reserve, in bytes: there are two, and a process has 128 TiB in all.
const MAX_SPACE: u64 = 32 << 40;
/// How much memory a job needs at the least, with its stack and the host's part, in bytes.
const SLOT_MEMORY: u64 = 16 << 20;
/// How many memory mappings a running job takes.
const SLOT_MAPPINGS: u64 = 16;
/// The least number of slots for which a pool is worth its cost.
const MIN_SLOTS: u64 = 4;
/// How many elements a table of the pool has room for; interpreters have tables of close to 100,000.
const TABLE_ELEMENTS: usize = 100_000;

/// The features of the language that only an engine with async functions has.
pub(in crate::sandbox) const CONCURRENT: WasmFeatures =
    WasmFeatures::CM_ASYNC.union(WasmFeatures::CM_ERROR_CONTEXT);

/// Whether an engine can run `async func`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sandbox) enum Concurrency {
    /// Plain functions only.
    Off,
    /// Async functions too.
    On,
}

/// Where the memory of instances comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Allocation {
    /// From a pool where the host has the address space for it, on demand otherwise.
    #[default]
    Auto,
    /// Always on demand.
    OnDemand,
}

/// How instances are allocated, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EngineMode {
    /// From a pool.
    Pooling,
    /// On demand, which costs each job several times as much: for this reason.
    OnDemand(String),
}

impl fmt::Display for EngineMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EngineMode::Pooling => f.write_str("pooling"),
            EngineMode::OnDemand(reason) => write!(f, "on-demand, because {reason}"),
        }
    }
}

/// What was decided about allocation, by the host's limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::sandbox) struct Plan {
    /// Pooling or not, and why not.
    pub(in crate::sandbox) mode: EngineMode,
    /// How many jobs there is room for at once.
    pub(in crate::sandbox) slots: u32,
    /// How many jobs run at once: as many as are wanted, where there is room for them.
    pub(in crate::sandbox) jobs: u32,
}

impl Plan {
    /// Decides for at most `wanted` jobs at once on this host.
    pub(in crate::sandbox) fn new(wanted: usize, allocation: Allocation) -> Self {
        Self::for_host(wanted as u64, allocation, &Host::read())
    }

    /// Decides for a host with these limits.
    fn for_host(wanted: u64, allocation: Allocation, host: &Host) -> Self {
        let by_memory = host.memory / SLOT_MEMORY;
        let by_mappings = host.mappings / SLOT_MAPPINGS;
        let by_space = MAX_SPACE / (2 * SLOT_SPACE);
        let fitting = wanted.min(by_memory).min(by_mappings).min(by_space).max(MIN_SLOTS);
        let slots = u32::try_from(fitting).unwrap_or(u32::MAX);
        // A pool is never smaller than `MIN_SLOTS`, but no more jobs run than are wanted.
        let jobs = slots.min(u32::try_from(wanted).unwrap_or(u32::MAX));
        let needed = fitting * 2 * SLOT_SPACE;
        let mode = match (allocation, host.address_space) {
            (Allocation::OnDemand, _) => EngineMode::OnDemand("the configuration says so".into()),
            (Allocation::Auto, Some(limit)) if limit < needed => EngineMode::OnDemand(format!(
                "a pool of {slots} needs {} GiB of address space and RLIMIT_AS allows {} GiB",
                needed >> 30,
                limit >> 30
            )),
            (Allocation::Auto, _) => EngineMode::Pooling,
        };
        Self { mode, slots, jobs }
    }
}

/// What the host has to give.
struct Host {
    /// How many bytes of memory there are, in all or in our control group.
    memory: u64,
    /// How many memory mappings a process may have.
    mappings: u64,
    /// The limit on address space; `None` where there is none.
    address_space: Option<u64>,
}

impl Host {
    /// Asks the host. A limit that it does not tell counts as plenty, or as what Linux has by default.
    fn read() -> Self {
        let mappings = std::fs::read_to_string("/proc/sys/vm/max_map_count");
        let address_space = getrlimit(Resource::RLIMIT_AS).map_or(u64::MAX, |(soft, _)| soft);
        Self {
            memory: memory(),
            mappings: mappings.ok().and_then(|text| text.trim().parse().ok()).unwrap_or(65_530),
            address_space: (address_space != nix::sys::resource::RLIM_INFINITY).then_some(address_space),
        }
    }
}

/// How many bytes of memory the host has, or the control group that it confines us to; plenty where it does not
/// tell.
fn memory() -> u64 {
    let Ok(mut system) = sysinfo::System::new() else { return u64::MAX };
    system.refresh_memory();
    let group = system.cgroup_limits().map_or(u64::MAX, |limits| limits.total_memory);
    system.total_memory().min(group)
}

/// Makes an engine. Where the pool cannot be had after all, changes the plan to on-demand and says why.
///
/// # Errors
/// Where the engine cannot be made on demand either.
pub(in crate::sandbox) fn build(plan: &mut Plan, concurrency: Concurrency) -> wasmtime::Result<Engine> {
    let mut config = config(concurrency);
    if plan.mode == EngineMode::Pooling {
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(plan.slots)));
        match Engine::new(&config) {
            Ok(engine) => return Ok(engine),
            Err(error) => plan.mode = EngineMode::OnDemand(format!("{error:#}")),
        }
    }
    config.allocation_strategy(InstanceAllocationStrategy::OnDemand);
    Engine::new(&config)
}

/// All settings but the allocation, each with its reason.
fn config(concurrency: Concurrency) -> Config {
    let mut config = Config::new();
    // A busy guest must yield to its neighbours, and end when its time is up.
    config.epoch_interruption(true);
    // This costs seven microseconds a job and two a call, so it is on only where a component needs it.
    config.concurrency_support(concurrency == Concurrency::On);
    config.wasm_component_model_async(concurrency == Concurrency::On);
    // Unbounded recursion ends here. Host functions run on what is left of the fiber's stack, and an
    // overflow there aborts the process, so the gap between the two is wide.
    config.max_wasm_stack(512 << 10);
    config.async_stack_size(2 << 20);
    // Methods with such types cannot be called from outside, and are no reason to refuse the others.
    config.wasm_component_model_map(true);
    config.wasm_component_model_fixed_length_lists(true);
    // The same holds here. It is a part of what async functions need; nobody can make one, see `surface.rs`.
    config.wasm_component_model_error_context(concurrency == Concurrency::On);
    // Shared memories escape the memory limiter.
    config.wasm_threads(false);
    // Sources of guests are not on this host, and the default reads an environment variable.
    config.wasm_backtrace_details(WasmBacktraceDetails::Disable);
    // Instances start from a mapped image, so that start-up does not grow with the size of a guest's data.
    config.memory_init_cow(true);
    // Modules are compiled once and kept in the cache, so the time for good code is well spent.
    config.cranelift_opt_level(OptLevel::Speed);
    config
}

/// The pool for so many jobs at once.
pub(in crate::sandbox) fn pool(slots: u32) -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(slots);
    pool.total_stacks(slots);
    // Components made of several parts take more than one memory and table each; a component from the
    // usual tools takes one memory and two tables.
    pool.total_memories(slots * 2);
    pool.total_tables(slots * 4);
    // These are only counted, not reserved.
    pool.total_core_instances(slots.saturating_mul(MAX_INSTANCES as u32));
    pool.max_core_instances_per_component(MAX_INSTANCES as u32);
    pool.max_memories_per_component(MAX_MEMORIES as u32);
    pool.max_tables_per_component(MAX_TABLES as u32);
    pool.max_memories_per_module(MAX_MEMORIES as u32);
    pool.max_tables_per_module(MAX_TABLES as u32);
    pool.table_elements(TABLE_ELEMENTS);
    // Interpreters describe themselves in more than the default of 1 MiB.
    pool.max_component_instance_size(10 << 20);
    pool.max_core_instance_size(10 << 20);
    // Giving pages back interrupts the other processors at every job. What a small guest touches stays and
    // is cleared by hand instead, which makes jobs several times as fast and lets threads scale.
    pool.linear_memory_keep_resident(128 << 10);
    pool.table_keep_resident(8 << 10);
    // Scanning for touched pages pays for large guests and costs small ones, which are the rule.
    pool.pagemap_scan(Enabled::No);
    // These slots keep pages for a next job of the same module, apart from how many may run at once.
    pool.max_unused_warm_slots(slots.min(32));
    pool
}

/// Everything in an engine that compiled code depends on, as text for a file name.
pub(in crate::sandbox) fn compatibility(engine: &Engine) -> String {
    struct Sha(Sha256);
    impl Hasher for Sha {
        fn write(&mut self, bytes: &[u8]) {
            self.0.update(bytes);
        }
        fn finish(&self) -> u64 {
            0
        }
    }
    let mut hasher = Sha(Sha256::new());
    engine.precompile_compatibility_hash().hash(&mut hasher);
    hasher.0.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LARGE: Host = Host { memory: 64 << 30, mappings: 65_530, address_space: None };

    #[test]
    fn a_small_host_gets_fewer_slots() {
        assert_eq!(Plan::for_host(64, Allocation::Auto, &LARGE).slots, 64);
        let small = Host { memory: 512 << 20, ..LARGE };
        assert_eq!(Plan::for_host(64, Allocation::Auto, &small).slots, 32);
        let tiny = Host { memory: 1 << 20, ..LARGE };
        assert_eq!(Plan::for_host(64, Allocation::Auto, &tiny).slots, 4);
        let few_mappings = Host { mappings: 1_600, ..LARGE };
        assert_eq!(Plan::for_host(1_000, Allocation::Auto, &few_mappings).slots, 100);
    }

    #[test]
    fn no_more_jobs_run_at_once_than_are_wanted() {
        for wanted in [1, 2, 3, 64] {
            let jobs = |host: &Host| u64::from(Plan::for_host(wanted, Allocation::Auto, host).jobs);
            assert_eq!(jobs(&LARGE), wanted);
            assert!(jobs(&Host { memory: 1 << 20, ..LARGE }) <= wanted);
        }
    }

    #[test]
    fn the_reason_for_on_demand_is_told() {
        let limited = Host { address_space: Some(8 << 30), ..LARGE };
        let mode = Plan::for_host(64, Allocation::Auto, &limited).mode.to_string();
        assert!(mode.starts_with("on-demand, because a pool of 64 needs 520 GiB"), "{mode}");
        assert!(mode.ends_with("RLIMIT_AS allows 8 GiB"), "{mode}");
        let told = Plan::for_host(64, Allocation::OnDemand, &LARGE).mode.to_string();
        assert_eq!(told, "on-demand, because the configuration says so");
    }

    #[test]
    fn engines_that_compile_differently_have_different_names() {
        let mut plan = Plan { mode: EngineMode::OnDemand("this is a test".into()), slots: 4, jobs: 4 };
        let plain = build(&mut plan, Concurrency::Off).expect("an engine");
        let again = build(&mut plan, Concurrency::Off).expect("an engine");
        let concurrent = build(&mut plan, Concurrency::On).expect("an engine");
        assert_eq!(compatibility(&plain), compatibility(&again));
        assert_ne!(compatibility(&plain), compatibility(&concurrent));
    }
}
