//! `minion measure module`

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use output::{Context as _, Exit, Failure, print};
use serde_json::{Value, json};

use wire::message::job::JobId;
use wire::message::outcome::Outcome;
use wire::name::{MethodPath, ModuleName};
use wire::value::arguments::Arguments;

use super::{Method, nanoseconds};
use crate::cli::spectator::Spectator;
use crate::policy::ModulePolicy;
use crate::sandbox::{BareMethod, CancelSignal, Home, LoadedModule, Run, RunMode, Sandbox, SandboxConfig};

/// Measure how long a module takes to be compiled, loaded and run, by the sandbox and by the engine alone
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  minion measure module target/modules/test.wasm ping --count 1000")]
pub(crate) struct Module {
    #[command(flatten)]
    method: Method,
    /// How many jobs
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    count: u32,
    /// How often it is compiled and loaded
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    loads: u32,
}

impl Module {
    pub(crate) async fn run(self) -> Result<Exit, Failure> {
        let bytes = self.method.bytes()?;
        let dir = tempfile::tempdir().context("cannot make a folder")?;
        let bare = self.bare(&bytes, dir.path())?;
        let sandbox = self.sandbox(&bytes, dir.path()).await?;
        print(json!({ "sandbox": sandbox, "bare": bare }))?;
        Ok(Exit::Ok)
    }

    /// What the engine alone takes.
    fn bare(&self, bytes: &[u8], dir: &Path) -> Result<Value, Failure> {
        let failed = |problem: String| self.method.failed(&problem);
        let code = dir.join("code");
        let (mut compile, mut load) = (Vec::new(), Vec::new());
        let mut method = self.method.compile(bytes)?;
        std::fs::write(&code, method.serialised().map_err(failed)?).context("cannot keep the code")?;
        for _ in 0..self.loads {
            compile.push(timed(|| self.method.compile(bytes))?.0);
            let (took, loaded) = timed(|| BareMethod::load(&code, &self.method.method).map_err(failed))?;
            load.push(took);
            method = loaded;
        }
        let (mut instantiate, mut call) = (Vec::new(), Vec::new());
        for _ in 0..self.count {
            let stages = method.run().map_err(failed)?;
            instantiate.push(stages.instantiate);
            call.push(stages.call);
        }
        let job = instantiate.iter().zip(&call).map(|(instantiate, call)| *instantiate + *call);
        Ok(json!({
            "compile": nanoseconds(compile),
            "load": nanoseconds(load),
            "job": nanoseconds(job.collect::<Vec<_>>()),
            "instantiate": nanoseconds(instantiate),
            "call": nanoseconds(call),
        }))
    }

    /// What the sandbox takes, with all its checks and limits.
    async fn sandbox(&self, bytes: &[u8], dir: &Path) -> Result<Value, Failure> {
        // The name does not matter here, and that of a file need not be one.
        let name: ModuleName = NAME.parse()?;
        let policy = ModulePolicy::default();
        let sandbox = |cache: &str| {
            Sandbox::new(SandboxConfig { cache_dir: Some(dir.join(cache)), ..SandboxConfig::default() })
        };
        let (mut compile, mut load) = (Vec::new(), Vec::new());
        let mut last = None;
        for round in 0..self.loads {
            let cache = format!("cache-{round}");
            // A sandbox that has compiled it, and another one that finds it compiled.
            let fresh = sandbox(&cache)?;
            compile.push(timed(|| fresh.load(name.clone(), bytes, &policy))?.0);
            let later = sandbox(&cache)?;
            let (took, module) = timed(|| later.load(name.clone(), bytes, &policy))?;
            load.push(took);
            last = Some((later, module));
        }
        // There is one at least, by what the command line allows.
        let Some((sandbox, module)) = last else { return Ok(Value::Null) };
        let mut jobs = Vec::new();
        for _ in 0..self.count {
            jobs.push(self.job(&sandbox, &module).await?);
        }
        Ok(json!({
            "compile": nanoseconds(compile),
            "load": nanoseconds(load),
            "job": nanoseconds(jobs),
        }))
    }

    async fn job(&self, sandbox: &Sandbox, module: &LoadedModule) -> Result<Duration, Failure> {
        let run = Run {
            job: JobId::new(),
            method: MethodPath::try_from(format!("{NAME}.{}", self.method.method))?,
            operator: "bench".parse()?,
            arguments: Arguments::Values(Vec::new()),
            timeout: None,
            mode: RunMode::Real,
            events: Arc::new(Spectator::new()),
            cancel: CancelSignal::new(),
            home: Home::default(),
        };
        let began = Instant::now();
        let report = sandbox.run(module, run).await;
        let took = began.elapsed();
        match report.outcome {
            Outcome::Ok(_) => Ok(took),
            Outcome::Failed(failure) => Err(self.method.failed(&failure.message)),
        }
    }
}

fn timed<T, E>(work: impl FnOnce() -> Result<T, E>) -> Result<(Duration, T), Failure>
where
    Failure: From<E>,
{
    let began = Instant::now();
    let done = work()?;
    Ok((began.elapsed(), done))
}

const NAME: &str = "measured";
