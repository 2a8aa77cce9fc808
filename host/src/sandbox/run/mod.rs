//! One job: a store and an instance of its own, under limits from the first instruction to the last.

pub(super) mod backtrace;
pub(super) mod buried_bytes;
pub(super) mod bytes;
pub(super) mod call;
pub(super) mod cancel;
pub(super) mod command;
pub(super) mod dry_run;
pub(super) mod events;
pub(super) mod guest;
pub(super) mod outcome;
pub(super) mod panic_message;
pub(super) mod printed;
pub(super) mod stdio;
pub(super) mod supervise;
pub(super) mod value_expansion;
pub(super) mod values;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt as _;
use machine::clock;
use tokio::sync::Semaphore;
use wasmtime::component::ResourceTable;
use wasmtime::{Store, StoreContextMut, UpdateDeadline};
use wasmtime_wasi_http::WasiHttpCtx;
use wire::message::call::LogLevel;
use wire::message::outcome::{Cost, FailureKind, ModuleRef, Outcome, Report};
use wire::value::Value;
use wire::value::method::Signature;

use crate::containment::Containment;
use crate::policy::{Limits, ModulePolicy};
use crate::sandbox::capabilities::files::OpenFiles;
use crate::sandbox::capabilities::http::Egress;
use crate::sandbox::capabilities::process::MAX_CHILDREN;
use crate::sandbox::capabilities::wasi;
use crate::sandbox::component::remedy::Remedies;
use crate::sandbox::limits::cpu::CpuMeter;
use crate::sandbox::limits::handle_memory;
use crate::sandbox::limits::job_budgets::Holdings;
use crate::sandbox::limits::memory::MemoryLimiter;
use crate::sandbox::loading::loaded_module::{LoadedModule, Provisions};
use crate::sandbox::run::call::{Call, Home, Refusal, Returned, Run};
use crate::sandbox::run::cancel::{CancelSignal, INTERRUPT_GRACE, StopStage};
use crate::sandbox::run::command::Command;
use crate::sandbox::run::dry_run::Recorder;
use crate::sandbox::run::events::JobLog;
use crate::sandbox::run::guest::{Context, Guest, MAX_RESOURCES};
use crate::sandbox::run::outcome::{Remains, Stop, of_value, over_output};
use crate::sandbox::run::printed::Printed;
use crate::sandbox::run::stdio::Output;
use crate::sandbox::run::supervise::{End, Patience, supervise};
use crate::sandbox::run::value_expansion::expansion;
use wire::value::size::size;

/// How many bytes may pass between guest and host in one call of a function, counted as the host holds them:
/// enough for the bytes that may pass one by one.
const MIN_TRANSFER: u64 = 12 << 20;
/// How many times as much memory a transfer may take as the engine counts.
const EXPANSION: u64 = 4;
/// How many bytes are logged of what a command that failed wrote to its standard output.
const MAX_LOGGED: usize = 16 << 10;
/// A time that is longer than any job, and short enough to be added to the present.
const FOREVER: Duration = Duration::from_secs(100 * 365 * 24 * 3600);
/// How many handles of resources one job may have, those of its own among them.
const MAX_HANDLES: usize = 120_000;

/// What the host reads and stops a guest by, besides its store: needed until the outcome is known.
struct Instruments {
    stderr: Output,
    stdout: Output,
    /// What a command has written to its standard output, where it is one.
    printed: Option<Printed>,
    log: JobLog,
    recorder: Recorder,
    meter: CpuMeter,
    cancel: CancelSignal,
    time: TimeLimit,
}

/// How long the guest may run, and what to say when that is over.
struct TimeLimit {
    /// How long the guest may run.
    duration: Duration,
    /// The words for a guest whose time is over, which name the limit.
    message: String,
}

/// Runs one job. Whatever the guest does, this returns, and nothing of the guest is left.
pub(in crate::sandbox) async fn run(module: &LoadedModule, run: Run, grace: Duration) -> Report {
    let started = Instant::now();
    let (outcome, mut cost, would) = match Call::new(module, &run) {
        Ok(call) => run_call(call, run, grace).await,
        Err((kind, message)) => (Outcome::failed(kind, message), Cost::default(), Vec::new()),
    };
    cost.wall_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
    module.count().add(&outcome, &cost);
    let description = module.describe();
    Report {
        outcome,
        module: Some(ModuleRef { version: description.version.clone(), digest: description.digest }),
        cost,
        would,
        ended_at: clock::now_ms(),
    }
}

/// Makes a call in a store of its own.
async fn run_call(mut call: Call<'_>, run: Run, grace: Duration) -> (Outcome, Cost, Vec<String>) {
    let (module, method, bytes_in) = (call.module, call.method, call.bytes_in);
    let (guest, instruments) = match make_guest(module, run, call.command.take()) {
        Ok(made) => made,
        Err((kind, message)) => return (Outcome::failed(kind, message), Cost::default(), Vec::new()),
    };
    let limits = module.limits();
    let mut store = Store::new(module.instances().engine(), guest);
    arm(&mut store, method, limits, instruments.meter.clone());
    // A panic can only be one of the host's own functions: it ends this job and no other.
    let guest = AssertUnwindSafe(instruments.meter.measure(call.make(&mut store))).catch_unwind();
    let patience = Patience { time: instruments.time.duration, grace, last: INTERRUPT_GRACE };
    let end = supervise(guest, patience, &instruments.cancel).await;
    let cost = Cost { bytes_in, ..Cost::default() };
    let mut ended = Ended { store: &mut store, instruments: &instruments, method, limits, cost };
    let outcome = ended.outcome(end);
    let cost = ended.cost();
    let has_programs = store.data().has_programs;
    // The store was entered by a guest that may have trapped, so nothing runs in it ever again.
    if catch_unwind(AssertUnwindSafe(|| drop(store))).is_err() {
        tracing::error!(module = %module.describe().name, "the host panicked while it cleared up a job");
    }
    if has_programs {
        // A job is over only when everything that it has started is.
        Containment::of_process().clear().await;
    }
    (outcome, cost, instruments.recorder.take())
}

/// The host's side of a new instance.
///
/// # Errors
/// [`Refusal`], where a grant cannot be honoured.
fn make_guest(
    module: &LoadedModule,
    run: Run,
    command: Option<Command>,
) -> Result<(Guest, Instruments), Refusal> {
    let policy = module.policy().clone();
    let Provisions { facts, budgets } = module.provisions();
    let Home { minion, ledger } = run.home.clone();
    let name = &module.describe().name;
    let kv = ledger.zip(policy.grants.kv).map(|(ledger, quota)| ledger.kv(name.clone(), quota.0));
    let holdings = budgets.job(&policy.limits, policy.grants.files.len() as u64);
    let holdings = holdings.map_err(|error| (FailureKind::Busy, error.of_descriptors()))?;
    let log = JobLog::new(run.events.clone(), &policy.limits);
    let (stdout, stderr) =
        (Output::new(LogLevel::Info, log.clone()), Output::new(LogLevel::Warn, log.clone()));
    let printed = command.is_some().then(|| printed(&holdings, &policy.limits)).transpose()?;
    let wasi = wasi::context(&policy.grants, run.mode, [&stdout, &stderr], command.zip(printed.as_ref()));
    let wasi = wasi.map_err(|message| (FailureKind::CapabilityMissing, message))?;
    let recorder = Recorder::default();
    let time = TimeLimit::new(run.timeout, &policy.limits);
    let remedies = Remedies::new(name.clone(), module.suggestion().cloned());
    let egress = Egress {
        policy: policy.clone(),
        remedies: remedies.clone(),
        events: run.events.clone(),
        mode: run.mode,
        recorder: recorder.clone(),
        descriptors: holdings.descriptors.clone(),
        memory: holdings.memory.clone(),
        cancel: run.cancel.clone(),
    };
    let mut table = ResourceTable::new();
    table.set_max_capacity(MAX_RESOURCES);
    let memory = MemoryLimiter::new(&policy.limits);
    let cancel = run.cancel.clone();
    let job = context(run, policy, remedies, log.clone(), time.duration);
    let guest = Guest {
        table,
        wasi,
        http: WasiHttpCtx::new(),
        egress,
        memory,
        programs: Arc::new(Semaphore::new(MAX_CHILDREN)),
        kv,
        facts: facts.of(minion),
        files: OpenFiles::default(),
        holdings,
        has_programs: false,
        job,
    };
    let instruments =
        Instruments { stderr, stdout, printed, log, recorder, meter: CpuMeter::default(), cancel, time };
    Ok((guest, instruments))
}

/// What host functions need to know of a job that starts now and may take this long.
fn context(
    run: Run,
    policy: Arc<ModulePolicy>,
    remedies: Remedies,
    log: JobLog,
    duration: Duration,
) -> Context {
    Context {
        id: run.job,
        method: run.method,
        operator: run.operator,
        mode: run.mode,
        ends: Instant::now() + duration,
        events: run.events,
        log,
        cancel: run.cancel,
        emitted: 0,
        started: false,
        policy,
        remedies,
    }
}

/// The stream that a command writes its result to.
fn printed(holdings: &Holdings, limits: &Limits) -> Result<Printed, Refusal> {
    let hold = holdings.memory.take(0).map_err(|error| (FailureKind::Busy, error.of_memory()))?;
    Ok(Printed::new(limits.output, hold))
}

/// Sets every limit, before there is an instance that could break one.
fn arm(store: &mut Store<Guest>, method: Signature<'_>, limits: &Limits, meter: CpuMeter) {
    store.limiter(|guest| &mut guest.memory);
    // Values take somewhat more room on their way than is counted for them as output.
    let transfer = MIN_TRANSFER.max(limits.output.saturating_mul(2));
    // A value with boxes within boxes takes many times what is counted for it, and so less of it may pass.
    let expansion = method.result().map_or(1, expansion).max(EXPANSION);
    let transfer = transfer / expansion * EXPANSION;
    store.set_hostcall_fuel(usize::try_from(transfer).unwrap_or(usize::MAX));
    store.set_max_component_handles(MAX_HANDLES);
    // Without a deadline the first look at the clock would be the end.
    store.set_epoch_deadline(1);
    let cpu = limits.cpu;
    store.epoch_deadline_callback(move |mut guest: StoreContextMut<'_, Guest>| {
        if guest.data().job.cancel.stage() == StopStage::Interrupt {
            return Err(Stop::Interrupted.into());
        }
        if meter.spent_now() >= cpu {
            return Err(Stop::OutOfCpu.into());
        }
        let concurrent = guest.concurrent_resource_table().map_or(0, handle_memory::concurrent);
        let guest = guest.data_mut();
        let held = concurrent + handle_memory::held(&mut guest.table) + guest.files.held();
        guest.holdings.measured(held).map_err(Stop::OverHeld)?;
        // The yield of tokio's own lets its neighbours run; waking itself starved them for half a second.
        Ok(UpdateDeadline::YieldCustom(1, Box::pin(tokio::task::yield_now())))
    });
}

impl TimeLimit {
    /// The shorter of what the caller and the module's policy allow.
    fn new(timeout: Option<Duration>, limits: &Limits) -> Self {
        let shown = humantime::format_duration;
        match timeout {
            Some(timeout) if timeout < limits.wall.min(FOREVER) => Self {
                duration: timeout,
                message: format!("did not end within {}, the time that the caller gave it", shown(timeout)),
            },
            _ => Self {
                duration: limits.wall.min(FOREVER),
                message: format!("did not end within its time of {} (limits.wall)", shown(limits.wall)),
            },
        }
    }
}

/// A guest that is over, while its store still exists.
struct Ended<'a> {
    store: &'a mut Store<Guest>,
    instruments: &'a Instruments,
    method: Signature<'a>,
    limits: &'a Limits,
    cost: Cost,
}

/// What a call returned, or the panic of a host function within it.
type Called = std::thread::Result<wasmtime::Result<Returned>>;

impl Ended<'_> {
    /// What the end of the guest means.
    fn outcome(&mut self, end: End<Called>) -> Outcome {
        let printed = self.printed(&end);
        self.instruments.stdout.close();
        self.instruments.stderr.close();
        self.instruments.log.close();
        let mut outcome = self.end(end, printed);
        self.store.data().job.remedies.add_to(&mut outcome);
        outcome
    }

    /// What the end of the guest means, as far as the guest itself tells.
    fn end(&mut self, end: End<Called>, printed: String) -> Outcome {
        match end {
            End::Returned(Ok(Ok(Returned::Value(value)))) => self.returned(value, 0),
            End::Returned(Ok(Ok(Returned::Exit(code)))) => self.exited(code, printed),
            End::Returned(Ok(Err(error))) => self.remains().of_error(&error),
            End::Returned(Err(panic)) => {
                let reason = panic_text(panic.as_ref());
                tracing::error!(method = %self.store.data().job.method, reason, "a host function panicked");
                self.remains().ended(FailureKind::Trapped, format!("a host function panicked: {reason}"))
            }
            End::OutOfTime => {
                self.remains().ended(FailureKind::TimedOut, self.instruments.time.message.clone())
            }
            End::Dropped => {
                let message =
                    "did not return when it was asked to, could not be interrupted, and was dropped";
                self.remains().ended(FailureKind::Killed, message.to_owned())
            }
        }
    }

    /// What a command wrote to its standard output. Where that is not the result, its end goes to the log.
    fn printed(&self, end: &End<Called>) -> String {
        let Some(printed) = &self.instruments.printed else { return String::new() };
        let bytes = printed.take();
        if !matches!(end, End::Returned(Ok(Ok(Returned::Exit(0))))) {
            self.instruments.stdout.take(&bytes[bytes.len().saturating_sub(MAX_LOGGED)..]);
        }
        String::from_utf8(bytes).unwrap_or_else(|error| {
            let at = error.utf8_error().valid_up_to();
            self.instruments.log.warn(format!(
                "standard output is not text (UTF-8) at byte {at}: what is not is replaced by U+FFFD; write other data to \
                 a file in a granted folder"
            ));
            String::from_utf8_lossy(error.as_bytes()).into_owned()
        })
    }

    /// The outcome of a command that ended by itself.
    fn exited(&mut self, code: u8, stdout: String) -> Outcome {
        match self.instruments.printed.as_ref().and_then(Printed::refused) {
            Some(stop) => {
                let (kind, message) = self.remains().stopped(stop);
                self.remains().ended(kind, message)
            }
            None => self.returned(Some(command::exit(code, stdout)), code),
        }
    }

    /// The outcome of a method that returned, or of a command with its exit code.
    fn returned(&mut self, value: Option<Value>, code: u8) -> Outcome {
        let length = value.as_ref().map_or(0, size);
        self.cost.bytes_out += length;
        if self.store.data().job.emitted.saturating_add(length) > self.limits.output {
            return self.remains().ended(FailureKind::Trapped, over_output(self.limits));
        }
        let outcome = match value {
            Some(value) if code != 0 => self.remains().exited(code, value),
            value => of_value(value),
        };
        match outcome {
            outcome if !self.instruments.cancel.is_cancelled() => outcome,
            Outcome::Ok(value) => cancelled(value),
            Outcome::Failed(failure) => cancelled(failure.value),
        }
    }

    /// What there is to know of a guest that did not return.
    fn remains(&self) -> Remains<'_> {
        let guest = self.store.data();
        Remains {
            method: self.method,
            limits: self.limits,
            stderr: self.instruments.stderr.text(),
            refused_memory: guest.memory.refused_memory(),
            refused_table: guest.memory.refused_table(),
            started: guest.job.started,
        }
    }

    /// What the job cost.
    fn cost(&self) -> Cost {
        let guest = self.store.data();
        Cost {
            cpu_us: u64::try_from(self.instruments.meter.spent().as_micros()).unwrap_or(u64::MAX),
            peak_memory: guest.memory.peak(),
            bytes_out: self.cost.bytes_out + guest.job.emitted + self.instruments.log.written(),
            ..self.cost
        }
    }
}

/// The outcome of a method that returned after it was asked to stop, with what it returned.
fn cancelled(value: Option<Value>) -> Outcome {
    let mut outcome = Outcome::failed(FailureKind::Cancelled, "returned early because it was asked to");
    if let Outcome::Failed(failure) = &mut outcome {
        failure.value = value;
    }
    outcome
}

/// The message of a panic, where it has one.
fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without a message")
}
