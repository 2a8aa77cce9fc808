//! The sandbox: loads WebAssembly components and runs jobs of them, so that nothing a guest does reaches anything
//! but its own outcome. The only part of the system that knows wasmtime.
//!
//! A module is compiled and linked once ([`Sandbox::load`]); each job gets a store and an instance of its own
//! ([`Sandbox::run`]), with every limit armed before the first instruction, and nothing of it is used again.
//!
//! Which version of a module is in service, which job runs when and who may call are decided outside, by
//! `modules`, `jobs` and `access`.

mod bare;
mod capabilities;
mod component;
mod config;
mod error;
mod limits;
mod loading;
mod run;
#[cfg(test)]
mod tests;
mod ticker;

use std::sync::Arc;
use std::time::Duration;

use wire::message::outcome::Report;
use wire::name::ModuleName;

pub use bare::{BareMethod, BareStages};
pub use capabilities::cautions;
pub use capabilities::facts::Facts;
pub(crate) use capabilities::facts::MINION_NAME;
pub use component::advice::advice;
pub use component::check::Check;
pub use component::imports::{Import, Standing};
pub use component::inspect::{DOCS_SECTION, claim, suggestion};
pub use component::remedy::{Command, Remedy};
pub use config::SandboxConfig;
pub use error::{Defect, LoadError, MAX_MODULE, SandboxError};
pub use limits::counters::Counters;
pub use limits::job_budgets::Level;
use loading::Loader;
pub use loading::Verified;
pub use loading::engine::{Allocation, EngineMode};
pub use loading::loaded_module::LoadedModule;
pub use run::call::{Home, Run};
pub use run::cancel::{CancelSignal, GRACE, INTERRUPT_GRACE};
pub use run::dry_run::RunMode;
pub use run::events::{Denial, JobEvents};
use ticker::Ticker;

use crate::policy::ModulePolicy;

/// Loads modules and runs jobs of them. A cheap handle: clones share everything.
#[derive(Clone)]
pub struct Sandbox(Arc<Inner>);

struct Inner {
    loader: Loader,
    ticker: Ticker,
    grace: Duration,
}

/// How a sandbox is doing, for `minion status`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SandboxStatus {
    /// How instances are allocated, and why.
    pub mode: EngineMode,
    /// The same for modules with async functions, which have an engine of their own; `None` before there was such
    /// a module.
    pub async_mode: Option<EngineMode>,
    /// The most jobs that run at once.
    pub slots: usize,
    /// How many jobs run.
    pub running: usize,
    /// The bytes that are held for jobs besides their own memory.
    pub held: Level,
    /// The descriptors that are open for jobs.
    pub descriptors: Level,
    /// The processes that run for jobs.
    pub processes: Level,
    /// How many modules were found compiled in the cache.
    pub cache_hits: u64,
    /// How many modules had to be compiled.
    pub cache_misses: u64,
    /// Why compiled code is not kept although a folder for it is configured.
    pub cache_problem: Option<String>,
}

impl Sandbox {
    /// Sets up the engine and its clock. A cache that cannot be used is no error, and shows in the status.
    ///
    /// # Errors
    /// [`SandboxError`] where there is no engine for this host, or no thread for its clock.
    pub fn new(config: SandboxConfig) -> Result<Self, SandboxError> {
        let ticker = Ticker::start().map_err(SandboxError::Thread)?;
        let grace = config.grace;
        let loader = Loader::new(config, &ticker)?;
        Ok(Self(Arc::new(Inner { loader, ticker, grace })))
    }

    /// Loads a module: checks its bytes and its imports, compiles it or takes it from the cache, and links it with
    /// what `policy` grants.
    ///
    /// Blocks, for seconds where a large module is compiled; two are compiled at a time at most. A module that is
    /// refused leaves nothing behind.
    ///
    /// # Errors
    /// [`LoadError`], with everything that stands in the module's way.
    pub fn load(
        &self,
        name: ModuleName,
        bytes: &[u8],
        policy: &ModulePolicy,
    ) -> Result<Arc<LoadedModule>, LoadError> {
        let verified = self.verify(name, bytes, policy)?;
        self.compile(verified, bytes, policy)
    }

    /// The first half of [`load`](Self::load): everything that needs no compiler.
    ///
    /// # Errors
    /// As [`load`](Self::load), of what can be known without compiling.
    pub fn verify(
        &self,
        name: ModuleName,
        bytes: &[u8],
        policy: &ModulePolicy,
    ) -> Result<Verified, LoadError> {
        self.0.loader.verify(name, bytes, policy)
    }

    /// The second half of [`load`](Self::load), for the same bytes under the same policy. Blocks as it does.
    ///
    /// # Errors
    /// As [`load`](Self::load), of what only the compiler and the linker find.
    pub fn compile(
        &self,
        verified: Verified,
        bytes: &[u8],
        policy: &ModulePolicy,
    ) -> Result<Arc<LoadedModule>, LoadError> {
        self.0.loader.compile(verified, bytes, policy, &self.0.ticker).map(Arc::new)
    }

    /// Says what a module is, what it needs, and everything that stands in its way under `policy`, for `minion
    /// check`: all that can be found at once, where [`load`](Self::load) ends at the first that matters.
    ///
    /// Blocks as [`load`](Self::load) does.
    pub fn check(&self, name: ModuleName, bytes: &[u8], policy: &ModulePolicy) -> Check {
        self.0.loader.check(name, bytes, policy, &self.0.ticker)
    }

    /// Runs one job and reports how it ended.
    ///
    /// Belongs on the guests' own runtime. It never panics and always returns: at the latest when the time is up
    /// that the module or the caller allows. Where its future is dropped before that, the guest ends with it.
    pub async fn run(&self, module: &LoadedModule, run: Run) -> Report {
        let _ticking = self.0.ticker.tick();
        run::run(module, run, self.0.grace).await
    }

    /// How many jobs there is room for at once. Further ones would be refused as busy.
    pub fn slots(&self) -> usize {
        self.0.loader.plan().slots as usize
    }

    /// How many jobs are to run at once: as many as are wanted, where there is room for them.
    pub fn jobs_at_once(&self) -> usize {
        self.0.loader.plan().jobs as usize
    }

    /// How the sandbox is doing at this moment.
    pub fn status(&self) -> SandboxStatus {
        let plan = self.0.loader.plan();
        let concurrent = self.0.loader.concurrent_plan();
        let budgets = self.0.loader.budgets();
        let (cache_hits, cache_misses) = self.0.loader.cache_counts();
        SandboxStatus {
            mode: plan.mode.clone(),
            async_mode: concurrent.map(|plan| plan.mode),
            slots: plan.jobs as usize,
            running: self.0.ticker.running(),
            held: budgets.memory(),
            descriptors: budgets.descriptors(),
            processes: budgets.processes(),
            cache_hits,
            cache_misses,
            cache_problem: self.0.loader.cache_problem(),
        }
    }
}

impl std::fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Sandbox").field(&self.status()).finish()
    }
}
