//! What the host keeps for one job: the data of its store.

use std::sync::Arc;
use std::time::Instant;

use ledger::Kv;
use tokio::sync::Semaphore;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};
use wire::message::job::JobId;
use wire::name::{MethodPath, OperatorName};

use super::cancel::CancelSignal;
use super::capabilities::Capability;
use super::capabilities::facts::Facts;
use super::capabilities::files::OpenFiles;
use super::capabilities::http::Egress;
use super::dry_run::RunMode;
use super::events::{Denial, JobEvents, JobLog};
use super::holdings::Holdings;
use super::memory::MemoryLimiter;
use super::remedy::{Command, Remedies};
use crate::policy::{Grants, ModulePolicy};

/// The host's side of one instance.
pub(super) struct Guest {
    /// What the guest holds handles of.
    pub(super) table: ResourceTable,
    /// Its folders, its environment, its stdout and stderr.
    pub(super) wasi: WasiCtx,
    /// Limits of its requests.
    pub(super) http: WasiHttpCtx,
    /// Where it may send them.
    pub(super) egress: Egress,
    /// How much memory it has and may have.
    pub(super) memory: MemoryLimiter,
    /// Places for the programs that the job may have at once.
    pub(super) programs: Arc<Semaphore>,
    /// What the module keeps, where it may keep anything.
    pub(super) kv: Option<Kv>,
    /// What is known of the host.
    pub(super) facts: Facts,
    /// The files and folders that it has open.
    pub(super) files: OpenFiles,
    /// What it has taken of the host.
    pub(super) holdings: Holdings,
    /// Whether it has started programs.
    pub(super) has_programs: bool,
    /// The job that it runs.
    pub(super) job: Context,
}

/// The job that an instance runs, as its host functions need to know it.
pub(super) struct Context {
    /// The overlord's id of it.
    pub(super) id: JobId,
    /// What was called.
    pub(super) method: MethodPath,
    /// On whose behalf.
    pub(super) operator: OperatorName,
    /// Whether its effects are done.
    pub(super) mode: RunMode,
    /// When the job's time is up.
    pub(super) ends: Instant,
    /// Limits, grants and settings of its module.
    pub(super) policy: Arc<ModulePolicy>,
    /// Who hears of it while it runs.
    pub(super) events: Arc<dyn JobEvents>,
    /// Its log, within its limits.
    pub(super) log: JobLog,
    /// How it is told to stop.
    pub(super) cancel: CancelSignal,
    /// Bytes of output that it has handed over.
    pub(super) emitted: u64,
    /// Whether its instance is made and its method called.
    pub(super) started: bool,
    /// What would mend what it was denied.
    pub(super) remedies: Remedies,
}

impl Context {
    /// Tells the audit log that a grant did not cover this.
    pub(super) fn denied(&self, of: &Capability, attempt: impl Into<String>) {
        self.events.denied(Denial { capability: of.name, attempt: attempt.into() });
    }

    /// The same, and gives back the command that grants it, where the module suggests a level that `covers` it.
    pub(super) fn denied_unless(
        &self,
        of: &Capability,
        attempt: impl Into<String>,
        covers: impl Fn(&Grants) -> bool,
    ) -> Option<Command> {
        self.denied(of, attempt);
        self.remedies.denied(covers)
    }

    /// The same, and says to the module what whoever owns the host can do about it: `scope` is what the line of the
    /// capability would have to cover.
    pub(super) fn advised(&self, of: &Capability, scope: &str, covers: impl Fn(&Grants) -> bool) -> String {
        let module = &self.method.module;
        match self.denied_unless(of, scope, covers) {
            Some(command) => format!("run `{command}` on this host"),
            None => format!("add \"{scope}\" to `{}` in [modules.{module}]", of.name),
        }
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
