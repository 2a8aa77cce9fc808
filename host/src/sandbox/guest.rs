//! What the host keeps for one job: the data of its store.

use std::sync::Arc;
use std::time::Instant;

use ledger::Kv;
use tokio::sync::Semaphore;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};
use wire::job::JobId;
use wire::name::{MethodPath, OperatorName};

use super::cancel::CancelSignal;
use super::capabilities::facts::Facts;
use super::capabilities::files::OpenFolders;
use super::capabilities::http::Egress;
use super::dry_run::RunMode;
use super::events::{Denial, JobEvents, JobLog};
use super::memory::MemoryLimiter;
use crate::policy::ModulePolicy;

/// The host's side of one instance.
pub(super) struct Guest {
    pub(super) table: ResourceTable,
    pub(super) wasi: WasiCtx,
    pub(super) http: WasiHttpCtx,
    pub(super) egress: Egress,
    pub(super) memory: MemoryLimiter,
    /// Places for the programs that the job may have at once.
    pub(super) programs: Arc<Semaphore>,
    /// What the module keeps, where it may keep anything.
    pub(super) kv: Option<Kv>,
    pub(super) facts: Facts,
    pub(super) folders: OpenFolders,
    pub(super) job: Context,
}

/// The job that an instance runs, as its host functions need to know it.
pub(super) struct Context {
    pub(super) id: JobId,
    pub(super) method: MethodPath,
    pub(super) operator: OperatorName,
    pub(super) mode: RunMode,
    /// When the job's time is up.
    pub(super) ends: Instant,
    /// Limits, grants and settings of its module.
    pub(super) policy: Arc<ModulePolicy>,
    pub(super) events: Arc<dyn JobEvents>,
    pub(super) log: JobLog,
    pub(super) cancel: CancelSignal,
    /// Bytes of output that it has handed over.
    pub(super) emitted: u64,
    /// Whether its instance is made and its method called.
    pub(super) started: bool,
}

impl Context {
    /// Tells the audit log that a grant did not cover this.
    pub(super) fn denied(&self, capability: &'static str, attempt: impl Into<String>) {
        self.events.denied(Denial { capability, attempt: attempt.into() });
    }
}

impl WasiView for Guest {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for Guest {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { ctx: &mut self.http, table: &mut self.table, hooks: &mut self.egress }
    }
}
