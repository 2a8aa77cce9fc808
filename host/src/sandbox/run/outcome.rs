//! What the end of a guest means to an operator: which outcome it is, and in which words.

use wasmtime::component::ResourceTableError;
use wasmtime::{PoolConcurrencyLimitError, Trap, WasmBacktrace};
use wasmtime_wasi::I32Exit;
use wire::message::outcome::{Failure, FailureKind, Outcome};
use wire::value::Value;
use wire::value::json;
use wire::value::method::Signature;

use crate::policy::{ByteSize, Limits};
use crate::sandbox::limits::budget::Exhausted;
use crate::sandbox::run::backtrace;
use crate::sandbox::run::buried_bytes::too_many_parts;
use crate::sandbox::run::guest::MAX_RESOURCES;
use crate::sandbox::run::panic_message;

/// How many characters of an error value a message repeats.
const MAX_VALUE: usize = 200;
/// The longest backtrace that is kept, in bytes.
const MAX_BACKTRACE: usize = 8 << 10;

/// Why the host ended a guest. It becomes the error of the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::sandbox) enum Stop {
    /// The guest had used up its processor time.
    #[error("out of CPU time")]
    OutOfCpu,
    /// The guest did not return when it was asked to.
    #[error("interrupted")]
    Interrupted,
    /// A command wrote more to its standard output than a result may have.
    #[error("over its output")]
    OverOutput,
    /// The host would hold more for the guest than it may.
    #[error("over what is held for it: {0}")]
    OverHeld(Exhausted),
}

/// What there is to know of a guest that did not return a value.
pub(in crate::sandbox) struct Remains<'a> {
    /// The method that was called.
    pub(in crate::sandbox) method: Signature<'a>,
    /// The limits of the guest.
    pub(in crate::sandbox) limits: &'a Limits,
    /// What is kept of its stderr.
    pub(in crate::sandbox) stderr: String,
    /// How many bytes of memory it would have had when growth was refused; `None` where it never was.
    pub(in crate::sandbox) refused_memory: Option<u64>,
    /// How many table elements it would have had when growth was refused; `None` where it never was.
    pub(in crate::sandbox) refused_table: Option<u64>,
    /// Whether the instance was made and the method called.
    pub(in crate::sandbox) started: bool,
}

/// The outcome of a method that returned this value. Where it is a `result`, its side decides between `ok` and
/// `error`.
pub(in crate::sandbox) fn of_value(value: Option<Value>) -> Outcome {
    match value {
        Some(Value::Result(Ok(value))) => Outcome::Ok(value.map(|value| *value)),
        Some(Value::Result(Err(value))) => {
            let value = value.map(|value| *value);
            let message = value.as_ref().map_or_else(|| "the method returned an error".to_owned(), words);
            Outcome::Failed(Failure {
                kind: FailureKind::Error,
                message,
                value,
                stderr: None,
                backtrace: None,
            })
        }
        value => Outcome::Ok(value),
    }
}

/// An error value in a few words.
fn words(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Enum(case) | Value::Variant(case, None) => case.clone(),
        Value::Variant(case, Some(payload)) => format!("{case}: {}", words(payload)),
        other => {
            let mut text = json::to_json(other).to_string();
            if text.len() > MAX_VALUE {
                text.truncate(text.floor_char_boundary(MAX_VALUE));
                text.push('…');
            }
            text
        }
    }
}

impl Remains<'_> {
    /// The outcome of a guest whose call ended with this error.
    pub(in crate::sandbox) fn of_error(self, error: &wasmtime::Error) -> Outcome {
        if error.is::<PoolConcurrencyLimitError>() {
            return Outcome::failed(FailureKind::Busy, "all instances are in use: try again later");
        }
        let (kind, message) = match error.downcast_ref::<Stop>() {
            Some(stop) => self.stopped(*stop),
            None => (FailureKind::Trapped, self.trapped(error)),
        };
        let backtrace =
            error.downcast_ref::<WasmBacktrace>().map(|trace| backtrace::text(trace, MAX_BACKTRACE));
        self.failure(kind, message, backtrace)
    }

    /// What kind of failure it is that the host ended a guest, and in which words.
    pub(in crate::sandbox) fn stopped(&self, stop: Stop) -> (FailureKind, String) {
        match stop {
            Stop::OutOfCpu => (FailureKind::TimedOut, self.out_of_cpu()),
            Stop::OverOutput => (FailureKind::Trapped, over_output(self.limits)),
            Stop::OverHeld(exhausted) => (FailureKind::Trapped, exhausted.of_memory()),
            Stop::Interrupted => (FailureKind::Killed, self.interrupted()),
        }
    }

    /// The outcome of a command that ended with this code and returned this value.
    pub(in crate::sandbox) fn exited(self, code: u8, value: Value) -> Outcome {
        let reason = panic_message::find(&self.stderr);
        let reason = reason.or_else(|| panic_message::last_line(&self.stderr).map(str::to_owned));
        let because = reason.map_or_else(String::new, |reason| format!(": {reason}"));
        match of_value(Some(value)) {
            Outcome::Failed(failure) => Outcome::Failed(Failure {
                message: format!("exited with code {code}{because}"),
                stderr: (!self.stderr.is_empty()).then_some(self.stderr),
                ..failure
            }),
            ok => ok,
        }
    }

    /// The outcome of a guest that the host ended from outside.
    pub(in crate::sandbox) fn ended(self, kind: FailureKind, message: String) -> Outcome {
        self.failure(kind, message, None)
    }

    /// The failure with what is left of the guest, and the stack at which it ended.
    fn failure(self, kind: FailureKind, message: String, backtrace: Option<String>) -> Outcome {
        let message = if self.started { message } else { format!("while it was starting: {message}") };
        let stderr = (!self.stderr.is_empty()).then_some(self.stderr);
        Outcome::Failed(Failure { kind, message, value: None, stderr, backtrace })
    }

    /// The words for processor time that is used up.
    fn out_of_cpu(&self) -> String {
        format!("used up its CPU time of {} (limits.cpu)", humantime::format_duration(self.limits.cpu))
    }

    /// The words for a guest that had to be stopped.
    fn interrupted(&self) -> String {
        "did not return when it was asked to, and was interrupted".to_owned()
    }

    /// The words for a trap. The first of the reasons that holds is nearest to the cause: most guests end
    /// themselves when they are refused memory, and a panic is the guest's own word for an `unreachable`.
    fn trapped(&self, error: &wasmtime::Error) -> String {
        let panic = panic_message::find(&self.stderr);
        if let Some(exit) = error.downcast_ref::<I32Exit>() {
            return format!("exited with code {} instead of returning", exit.0);
        }
        let because = panic.clone().map_or_else(String::new, |panic| format!("; {panic}"));
        if let Some(wanted) = self.refused_memory {
            let (limit, wanted) = (ByteSize(self.limits.memory), wanted.div_ceil(1 << 20));
            return format!(
                "over its memory limit of {limit} (limits.memory): it wanted {wanted} MiB{because}"
            );
        }
        if let Some(wanted) = self.refused_table {
            return format!(
                "over its limit of {} table elements (limits.table): it wanted {wanted}{because}",
                self.limits.table
            );
        }
        if let Some(panic) = panic {
            return panic;
        }
        match error.downcast_ref::<Trap>() {
            Some(Trap::StackOverflow) => "call stack exhausted: it recursed too deeply".into(),
            Some(trap) => match panic_message::last_line(&self.stderr) {
                Some(line) if *trap == Trap::UnreachableCodeReached => format!("aborted: {line}"),
                _ => trap.to_string().trim_start_matches("wasm trap: ").to_owned(),
            },
            None => self.host_error(error),
        }
    }

    /// The words for an error of a host function, or of the passing of values.
    fn host_error(&self, error: &wasmtime::Error) -> String {
        let root = error.root_cause().to_string();
        // This error has no type of its own.
        if root.contains("fuel allocated for hostcalls has been exhausted") {
            return too_many_parts(self.method).unwrap_or_else(|| over_output(self.limits));
        }
        if let Some(ResourceTableError::Full) = error.downcast_ref() {
            return format!(
                "held {MAX_RESOURCES} resources of the host at once (streams, requests, pollables and the like), which is \
                 the most: drop each when it is done with, or do less in one job"
            );
        }
        root
    }
}

/// The words for a job that gave out more than it may.
pub(in crate::sandbox) fn over_output(limits: &Limits) -> String {
    format!("its result is over the output limit of {} (limits.output)", ByteSize(limits.output))
}

#[allow(clippy::unwrap_used)]
#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use wire::value::method::{Method, Methods, Types};

    use super::*;

    static METHODS: LazyLock<Methods> = LazyLock::new(|| {
        let method = Method {
            interface: None,
            name: String::new(),
            params: Vec::new(),
            result: None,
            is_async: false,
            not_callable: None,
            docs: None,
        };
        Methods::new(Types::default(), vec![method]).unwrap()
    });

    fn remains<'a>(limits: &'a Limits, stderr: &str) -> Remains<'a> {
        Remains {
            method: METHODS.iter().next().unwrap(),
            limits,
            stderr: stderr.into(),
            refused_memory: None,
            refused_table: None,
            started: true,
        }
    }

    fn failure(outcome: Outcome) -> Failure {
        match outcome {
            Outcome::Failed(failure) => failure,
            Outcome::Ok(value) => panic!("succeeded with {value:?}"),
        }
    }

    #[test]
    fn a_result_decides_between_ok_and_error() {
        let text = |text: &str| Some(Box::new(Value::String(text.into())));
        assert_eq!(of_value(None), Outcome::Ok(None));
        assert_eq!(of_value(Some(Value::Result(Ok(None)))), Outcome::Ok(None));
        let told = failure(of_value(Some(Value::Result(Err(text("no such unit"))))));
        assert_eq!((told.kind, told.message.as_str()), (FailureKind::Error, "no such unit"));
        let denied = Value::Variant("denied".into(), text("port 80"));
        assert_eq!(
            failure(of_value(Some(Value::Result(Err(Some(Box::new(denied))))))).message,
            "denied: port 80"
        );
    }

    #[test]
    fn a_panic_is_told_in_the_guests_own_words() {
        let limits = Limits::default();
        let stderr = "first panicked at a.rs:1:1:\nold\n\nthread '<unnamed>' (1) panicked at src/lib.rs:7:5:\n\
                      left the rails\ntwice\nnote: run with `RUST_BACKTRACE=1`\n";
        let told = failure(remains(&limits, stderr).of_error(&Trap::UnreachableCodeReached.into()));
        assert_eq!(told.message, "panicked: left the rails\ntwice");
        assert_eq!(told.stderr.as_deref(), Some(stderr));
    }

    #[test]
    fn a_refusal_of_memory_comes_before_what_the_guest_made_of_it() {
        let limits = Limits { memory: 64 << 20, ..Limits::default() };
        let remains = Remains { refused_memory: Some(65 << 20), ..remains(&limits, "") };
        let told = failure(remains.of_error(&Trap::UnreachableCodeReached.into()));
        assert_eq!(told.kind, FailureKind::Trapped);
        assert_eq!(told.message, "over its memory limit of 64 MiB (limits.memory): it wanted 65 MiB");
    }

    #[test]
    fn limits_of_time_and_exits_are_told_as_what_they_are() {
        let limits = Limits::default();
        let told = failure(remains(&limits, "").of_error(&Stop::OutOfCpu.into()));
        assert_eq!(
            (told.kind, told.message.as_str()),
            (FailureKind::TimedOut, "used up its CPU time of 10s (limits.cpu)")
        );
        let told = failure(remains(&limits, "").of_error(&I32Exit(3).into()));
        assert_eq!(told.message, "exited with code 3 instead of returning");
        let starting = Remains { started: false, ..remains(&limits, "") };
        let told = failure(starting.of_error(&Trap::StackOverflow.into()));
        assert_eq!(told.message, "while it was starting: call stack exhausted: it recursed too deeply");
    }
}
