//! Jobs of small components written by hand, run as the minion runs them.

#![allow(clippy::unwrap_used)]

mod capabilities;
mod changes_of_files;
mod commands;
mod containment;
mod damage;
mod descriptions;
mod files;
mod frozen;
mod guests;
mod holding;
mod identity;
mod jobs;
mod limits;
mod loading;
mod programs;
mod stopping;
mod types_alone;
mod unusual;
mod wasi;
mod wasi_0_3;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use wire::message::job::{JobId, OutcomeKind};
use wire::message::outcome::{Failure, Outcome, Report};
use wire::value::Value;
use wire::value::arguments::Arguments;
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use super::run::events::testing::Recorded;
use super::{CancelSignal, Home, LoadError, LoadedModule, Run, RunMode, Sandbox, SandboxConfig};
use crate::policy::{Limits, ModulePolicy};

/// A module and everything that is needed to run jobs of it.
struct Rig {
    sandbox: Sandbox,
    module: Arc<LoadedModule>,
    events: Arc<Recorded>,
    cancel: CancelSignal,
    timeout: Option<Duration>,
    mode: RunMode,
    home: Home,
}

/// One sandbox serves most tests, as it serves most modules of a minion.
fn sandbox() -> Sandbox {
    static SHARED: OnceLock<Sandbox> = OnceLock::new();
    let config = || SandboxConfig { grace: Duration::from_millis(20), ..SandboxConfig::default() };
    SHARED.get_or_init(|| Sandbox::new(config()).unwrap()).clone()
}

fn load(component: &str, policy: &ModulePolicy) -> Result<Arc<LoadedModule>, LoadError> {
    let bytes = wat::parse_str(component).unwrap_or_else(|error| panic!("{error}"));
    sandbox().load("guest".parse().unwrap(), &bytes, policy)
}

/// A component of a core module, with the types that its WIT says.
pub(super) fn of_wit(wit: &str, core: &str) -> Vec<u8> {
    let mut resolve = Resolve::default();
    let package = resolve.push_str("test.wit", wit).unwrap_or_else(|error| panic!("{error:#}\n{wit}"));
    let world = resolve.select_world(&[package], None).unwrap();
    let mut module = wat::parse_str(core).unwrap();
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    ComponentEncoder::default().module(&module).unwrap().encode().unwrap()
}

/// A module whose one core module has these fields, and exports these functions from it.
///
/// Each function is a WIT type and the name of a core function: `(func (result s32)) f`.
fn component(core: &str, exports: &[(&str, &str)]) -> String {
    let lifted = exports.iter().map(|(name, ty)| {
        let options = if core.contains("\"memory\"") { "(memory (core memory $i \"memory\"))" } else { "" };
        let realloc = if core.contains("\"realloc\"") { "(realloc (core func $i \"realloc\"))" } else { "" };
        format!("(func (export \"{name}\") {ty} (canon lift (core func $i \"{name}\") {options} {realloc}))")
    });
    let lifted: Vec<String> = lifted.collect();
    format!("(component (core module $m {core}) (core instance $i (instantiate $m)) {})", lifted.join("\n"))
}

impl Rig {
    fn new(component: &str) -> Self {
        Self::with(component, &ModulePolicy::default())
    }

    fn limited(component: &str, limits: Limits) -> Self {
        Self::with(component, &ModulePolicy { limits, ..ModulePolicy::default() })
    }

    fn with(component: &str, policy: &ModulePolicy) -> Self {
        Self::of(load(component, policy).unwrap_or_else(|error| panic!("{error}")))
    }

    /// In a sandbox of its own, where no other test has guests.
    fn alone(config: SandboxConfig, component: &str) -> Self {
        let sandbox = Sandbox::new(config).unwrap();
        let bytes = wat::parse_str(component).unwrap_or_else(|error| panic!("{error}"));
        let module = sandbox.load("guest".parse().unwrap(), &bytes, &ModulePolicy::default()).unwrap();
        Self { sandbox, ..Self::of(module) }
    }

    fn of(module: Arc<LoadedModule>) -> Self {
        Self {
            sandbox: sandbox(),
            module,
            events: Arc::default(),
            home: Home::default(),
            cancel: CancelSignal::new(),
            timeout: None,
            mode: RunMode::Real,
        }
    }

    async fn report(&self, method: &str, arguments: &str) -> Report {
        self.run(method, Arguments::Json(arguments.to_owned())).await
    }

    async fn report_of(&self, method: &str, values: Vec<Value>) -> Report {
        self.run(method, Arguments::Values(values)).await
    }

    async fn run(&self, method: &str, arguments: Arguments) -> Report {
        self.sandbox.run(&self.module, self.prepare(method, arguments)).await
    }

    fn prepare(&self, method: &str, arguments: Arguments) -> Run {
        Run {
            job: JobId::new(),
            method: format!("guest.{method}").parse().unwrap(),
            operator: "tester".parse().unwrap(),
            arguments,
            timeout: self.timeout,
            mode: self.mode,
            events: self.events.clone(),
            cancel: self.cancel.clone(),
            home: self.home.clone(),
        }
    }

    async fn value(&self, method: &str, arguments: &str) -> Option<Value> {
        match self.report(method, arguments).await.outcome {
            Outcome::Ok(value) => value,
            Outcome::Failed(failure) => panic!("{}: {}", failure.kind, failure.message),
        }
    }

    async fn failure(&self, method: &str, arguments: &str) -> Failure {
        match self.report(method, arguments).await.outcome {
            Outcome::Failed(failure) => failure,
            Outcome::Ok(value) => panic!("succeeded with {value:?}"),
        }
    }

    /// The kind of failure and its message.
    async fn ends(&self, method: &str) -> (OutcomeKind, String) {
        let failure = self.failure(method, "[]").await;
        (failure.kind.outcome(), failure.message)
    }
}
