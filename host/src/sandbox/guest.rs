//! What the host keeps for one job: the data of its store. Made before the instance, and dropped with it.

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
    /// The resources that the guest holds handles of.
    pub(super) table: ResourceTable,
    /// The guest's folders, environment, stdout and stderr.
    pub(super) wasi: WasiCtx,
    /// The limits of the guest's requests.
    pub(super) http: WasiHttpCtx,
    /// The addresses that the guest may send requests to.
    pub(super) egress: Egress,
    /// How much memory the guest has, and may have.
    pub(super) memory: MemoryLimiter,
    /// The places for programs that the job may have at once.
    pub(super) programs: Arc<Semaphore>,
    /// The keyspace of the module; `None` where it may keep nothing.
    pub(super) kv: Option<Kv>,
    /// The facts of the host, granted or not.
    pub(super) facts: Facts,
    /// The files and folders that the guest has open.
    pub(super) files: OpenFiles,
    /// What the job has taken of the host.
    pub(super) holdings: Holdings,
    /// Whether the job has started programs.
    pub(super) has_programs: bool,
    /// The job that the guest runs.
    pub(super) job: Context,
}

/// What host functions need to know of the job that an instance runs.
pub(super) struct Context {
    /// The overlord's id of the job.
    pub(super) id: JobId,
    /// The method that was called.
    pub(super) method: MethodPath,
    /// The operator on whose behalf it runs.
    pub(super) operator: OperatorName,
    /// Whether the job's effects are done.
    pub(super) mode: RunMode,
    /// When the job's time is up.
    pub(super) ends: Instant,
    /// The limits, grants and settings of the module.
    pub(super) policy: Arc<ModulePolicy>,
    /// Who hears what the job says while it runs.
    pub(super) events: Arc<dyn JobEvents>,
    /// The log of the job, within its limits.
    pub(super) log: JobLog,
    /// How the job is told to stop.
    pub(super) cancel: CancelSignal,
    /// How many bytes of output the job has handed over.
    pub(super) emitted: u64,
    /// Whether the instance is made and its method called.
    pub(super) started: bool,
    /// What would mend what the job was denied.
    pub(super) remedies: Remedies,
}

impl Context {
    /// Tells the audit log that the grants did not cover this attempt.
    pub(super) fn denied(&self, of: &Capability, attempt: impl Into<String>) {
        self.events.denied(Denial { capability: of.name, attempt: attempt.into() });
    }

    /// Like [`Context::denied`]; returns the command that would grant it, where the module suggests a level that
    /// `covers` it.
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
