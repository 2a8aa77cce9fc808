//! How a sandbox is set up.

use std::path::PathBuf;
use std::time::Duration;

use wire::name::ModuleName;

use crate::sandbox::capabilities::facts::Facts;
use crate::sandbox::loading::engine::Allocation;
use crate::sandbox::run::cancel::GRACE;

/// How a sandbox is set up.
#[derive(Clone)]
pub struct SandboxConfig {
    /// The folder in which compiled code is kept. Without it modules are compiled at every start.
    pub cache_dir: Option<PathBuf>,
    /// How many jobs are wanted at once; a small host may get fewer.
    pub max_jobs: usize,
    /// Where the memory of instances comes from.
    pub allocation: Allocation,
    /// How long a job has to return after it was asked to, before it is interrupted.
    pub grace: Duration,
    /// What modules may read of the host. The minion keeps it up to date.
    pub facts: Facts,
    /// The most bytes that are held for all jobs together besides their own memory.
    pub held: u64,
    /// The most processes that run for all jobs together.
    pub processes: u64,
    /// Called when the compilation of a module has lasted longer than a moment, once for each compilation.
    pub on_slow_compilation: fn(&ModuleName),
}

impl Default for SandboxConfig {
    fn default() -> Self {
        Self {
            cache_dir: None,
            max_jobs: 64,
            allocation: Allocation::Auto,
            grace: GRACE,
            facts: Facts::default(),
            held: 256 << 20,
            processes: 512,
            on_slow_compilation: |module| tracing::info!(%module, "compiling a module, which happens once"),
        }
    }
}
