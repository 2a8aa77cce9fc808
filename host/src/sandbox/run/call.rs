//! One call: what is to be run, and its method and arguments, checked before there is an instance.

use std::sync::Arc;
use std::time::Duration;

use ledger::MinionLedger;
use wasmtime::Store;
use wasmtime::component::{Func, Val};
use wire::message::job::JobId;
use wire::message::outcome::FailureKind;
use wire::name::{MethodPath, MinionName, OperatorName};
use wire::value::Value;
use wire::value::arguments::{self, bind};
use wire::value::method::Signature;
use wire::value::size::size;

use crate::sandbox::loading::loaded_module::LoadedModule;
use crate::sandbox::run::buried_bytes::fits_one_by_one;
use crate::sandbox::run::bytes::{TypedCall, typed_call};
use crate::sandbox::run::cancel::CancelSignal;
use crate::sandbox::run::command::{self, Command};
use crate::sandbox::run::dry_run::RunMode;
use crate::sandbox::run::events::JobEvents;
use crate::sandbox::run::guest::Guest;
use crate::sandbox::run::values::{lift, lower};

/// What to run for one job, and how.
pub struct Run {
    /// The overlord's id of the job.
    pub job: JobId,
    /// The method, to be looked up in the module.
    pub method: MethodPath,
    /// The operator on whose behalf it runs.
    pub operator: OperatorName,
    /// The arguments, as they were given.
    pub arguments: arguments::Arguments,
    /// How long the caller lets it run; the module's own limit holds besides.
    pub timeout: Option<Duration>,
    /// Whether the job's effects are done.
    pub mode: RunMode,
    /// Who hears what the job says while it runs.
    pub events: Arc<dyn JobEvents>,
    /// How the job is told to stop.
    pub cancel: CancelSignal,
    /// The minion whose job it is.
    pub home: Home,
}

/// The minion of a job, as far as its modules get something of it: one process may have many.
#[derive(Clone, Default)]
pub struct Home {
    /// Its name, which modules read as a fact; `None` where a module is tried without a minion.
    pub minion: Option<MinionName>,
    /// The ledger in which modules keep what their policy lets them keep. Without it they can keep nothing.
    pub ledger: Option<MinionLedger>,
}

/// A call that can be made: the method exists, and the arguments fit it.
pub(in crate::sandbox) struct Call<'a> {
    /// The module that has the method.
    pub(in crate::sandbox) module: &'a LoadedModule,
    /// The method.
    pub(in crate::sandbox) method: Signature<'a>,
    /// How many bytes the arguments have.
    pub(in crate::sandbox) bytes_in: u64,
    /// What the instance is given to run with, where the method is a command.
    pub(in crate::sandbox) command: Option<Command>,
    /// One value for each parameter, checked against its type.
    arguments: Arguments,
}

/// Arguments in the form in which they are passed.
enum Arguments {
    /// Values that are passed through static types.
    Typed(TypedCall, Vec<Value>),
    /// Values that describe themselves, passed one by one.
    Dynamic(Vec<Val>),
    /// None at all: what a command is given is in its instance.
    Command,
}

/// What a call returned.
pub(in crate::sandbox) enum Returned {
    /// The value of a method; `None` where the method returns nothing.
    Value(Option<Value>),
    /// The exit code of a command.
    Exit(u8),
}

/// Why a call is not made: what kind of failure it is, and one line for people.
pub(in crate::sandbox) type Refusal = (FailureKind, String);

impl<'a> Call<'a> {
    /// Finds the method and binds the arguments to its types.
    ///
    /// # Errors
    /// [`Refusal`], where there is no such method, it cannot be called, or the arguments do not fit.
    pub(in crate::sandbox) fn new(module: &'a LoadedModule, run: &Run) -> Result<Self, Refusal> {
        let unknown = |message| (FailureKind::UnknownMethod, message);
        let bad = |message| (FailureKind::BadArguments, message);
        let path = &run.method;
        let method = module.method(&path.method).map_err(|error| unknown(error.to_string()))?;
        if let Some(reason) = &method.method().not_callable {
            return Err(unknown(format!("\"{path}\" cannot be called from outside: {reason}")));
        }
        let values = bind(method, &path.module, &run.arguments).map_err(|error| bad(error.to_string()))?;
        let bytes_in = values.iter().map(size).sum();
        let unfit = |message| bad(format!("\"{path}\" {message}"));
        if method.is_command() {
            let command = Command::of(&path.module, values).map_err(unfit)?;
            let arguments = Arguments::Command;
            return Ok(Self { module, method, bytes_in, command: Some(command), arguments });
        }
        let arguments = match typed_call(method) {
            Some(call) => Arguments::Typed(call, values),
            None => dynamic(method, values).map_err(unfit)?,
        };
        Ok(Self { module, method, bytes_in, command: None, arguments })
    }

    /// Makes the instance and calls its method.
    pub(in crate::sandbox) async fn make(self, store: &mut Store<Guest>) -> wasmtime::Result<Returned> {
        let instance = self.module.instances().instantiate_async(&mut *store).await?;
        // What goes wrong before this point is told as a failure to start.
        store.data_mut().job.started = true;
        let export = self.module.export(self.method);
        let function = export.and_then(|export| instance.get_func(&mut *store, export));
        let function =
            function.ok_or_else(|| wasmtime::format_err!("the method is gone from its component"))?;
        let value = match self.arguments {
            Arguments::Command => return command::run(store, function).await.map(Returned::Exit),
            Arguments::Typed(call, values) => call(store, function, values).await,
            Arguments::Dynamic(values) => call_dynamic(store, function, self.method, &values).await,
        };
        value.map(Returned::Value)
    }
}

/// Turns values into those of the engine.
///
/// # Errors
/// Where that would take too much memory, in words that read on from the method.
fn dynamic(method: Signature<'_>, values: Vec<Value>) -> Result<Arguments, String> {
    fits_one_by_one(&values)?;
    let lowered = method.params().zip(values).map(|((_, ty), value)| lower(ty, value));
    // Values that are bound are of their types, so this fails only through a defect of our own.
    let lowered: Result<_, _> = lowered.collect();
    lowered.map(Arguments::Dynamic).map_err(|error| format!("cannot take its arguments: {error}"))
}

/// Calls a function with values that describe themselves, and returns what it returned.
async fn call_dynamic(
    store: &mut Store<Guest>,
    function: Func,
    method: Signature<'_>,
    arguments: &[Val],
) -> wasmtime::Result<Option<Value>> {
    let mut results = vec![Val::Bool(false); usize::from(method.result.is_some())];
    function.call_async(&mut *store, arguments, &mut results).await?;
    match (method.result(), results.pop()) {
        (Some(ty), Some(value)) => Ok(Some(lift(ty, value)?)),
        _ => Ok(None),
    }
}
