//! What the host keeps for one job: the data of its store. Made before the instance, and dropped with it.
//!
//! This file and those of the capabilities name each other: a guest holds what each capability keeps for its job, and the
//! functions of a capability are called with a guest.

use std::sync::Arc;
use std::time::Instant;

use ledger::Kv;
use tokio::sync::Semaphore;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};
use wire::message::job::JobId;
use wire::name::{MethodPath, OperatorName};

use crate::policy::{Grants, ModulePolicy};
use crate::sandbox::capabilities::Capability;
use crate::sandbox::capabilities::facts::Facts;
use crate::sandbox::capabilities::files::OpenFiles;
use crate::sandbox::capabilities::http::Egress;
use crate::sandbox::component::remedy::{Command, Remedies};
use crate::sandbox::limits::job_budgets::Holdings;
use crate::sandbox::limits::memory::MemoryLimiter;
use crate::sandbox::run::cancel::CancelSignal;
use crate::sandbox::run::dry_run::RunMode;
use crate::sandbox::run::events::{Denial, JobEvents, JobLog};

/// The most resources of the host that one job may hold. What they take is limited by `limits.held`, and this only bounds
/// how long it takes to look through them: the `fetch` of some languages waits for each 8 KiB of a body by a pollable
/// that it never drops, some 12,000 of them for 100 MB.
pub(in crate::sandbox) const MAX_RESOURCES: usize = 100_000;

/// The host's side of one instance.
pub(in crate::sandbox) struct Guest {
    /// The resources that the guest holds handles of.
    pub(in crate::sandbox) table: ResourceTable,
    /// The guest's folders, environment, stdout and stderr.
    pub(in crate::sandbox) wasi: WasiCtx,
    /// The limits of the guest's requests.
    pub(in crate::sandbox) http: WasiHttpCtx,
    /// The addresses that the guest may send requests to.
    pub(in crate::sandbox) egress: Egress,
    /// How much memory the guest has, and may have.
    pub(in crate::sandbox) memory: MemoryLimiter,
    /// The places for programs that the job may have at once.
    pub(in crate::sandbox) programs: Arc<Semaphore>,
    /// The keyspace of the module; `None` where it may keep nothing.
    pub(in crate::sandbox) kv: Option<Kv>,
    /// The facts of the host, granted or not.
    pub(in crate::sandbox) facts: Facts,
    /// The files and folders that the guest has open.
    pub(in crate::sandbox) files: OpenFiles,
    /// What the job has taken of the host.
    pub(in crate::sandbox) holdings: Holdings,
    /// Whether the job has started programs.
    pub(in crate::sandbox) has_programs: bool,
    /// The job that the guest runs.
    pub(in crate::sandbox) job: Context,
}

/// What host functions need to know of the job that an instance runs.
pub(in crate::sandbox) struct Context {
    /// The overlord's id of the job.
    pub(in crate::sandbox) id: JobId,
    /// The method that was called.
    pub(in crate::sandbox) method: MethodPath,
    /// The operator on whose behalf it runs.
    pub(in crate::sandbox) operator: OperatorName,
    /// Whether the job's effects are done.
    pub(in crate::sandbox) mode: RunMode,
    /// When the job's time is up.
    pub(in crate::sandbox) ends: Instant,
    /// The limits, grants and settings of the module.
    pub(in crate::sandbox) policy: Arc<ModulePolicy>,
    /// Who hears what the job says while it runs.
    pub(in crate::sandbox) events: Arc<dyn JobEvents>,
    /// The log of the job, within its limits.
    pub(in crate::sandbox) log: JobLog,
    /// How the job is told to stop.
    pub(in crate::sandbox) cancel: CancelSignal,
    /// How many bytes of output the job has handed over.
    pub(in crate::sandbox) emitted: u64,
    /// Whether the instance is made and its method called.
    pub(in crate::sandbox) started: bool,
    /// What would mend what the job was denied.
    pub(in crate::sandbox) remedies: Remedies,
}

impl Context {
    /// Tells the audit log that the grants did not cover this attempt.
    pub(in crate::sandbox) fn denied(&self, of: &Capability, attempt: impl Into<String>) {
        self.events.denied(Denial { capability: of.name, attempt: attempt.into() });
    }

    /// Like [`Context::denied`]; returns the command that would grant it, where the module suggests a level that
    /// `covers` it.
    pub(in crate::sandbox) fn denied_unless(
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
    pub(in crate::sandbox) fn advised(
        &self,
        of: &Capability,
        scope: &str,
        covers: impl Fn(&Grants) -> bool,
    ) -> String {
        let module = &self.method.module;
        match self.denied_unless(of, scope, covers) {
            Some(command) => format!("run `{command}` on this host"),
            None => format!("add \"{scope}\" to `{}` in [modules.{module}]", of.name),
        }
    }
}

impl Guest {
    /// Gives nothing where the effects of the capability are done; where they are not, records this effect and gives it back.
    pub(in crate::sandbox) fn unless_dry(
        &self,
        of: &Capability,
        effect: impl FnOnce() -> String,
    ) -> Result<(), String> {
        self.egress.recorder.unless_dry(self.job.mode, of.dry_run, effect)
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
