//! `minion call FILE.wasm METHOD [ARG…]`.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use serde_json::json;

use wire::arguments::bind;
use wire::call::{Arguments, Word};
use wire::job::JobId;
use wire::link::MAX_MESSAGE;
use wire::name::MethodPath;
use wire::outcome::{Outcome, Report};
use wire::signature::Method;
use wire::text::{printable, value};

use crate::cli::Place;
use crate::cli::output::print;
use crate::cli::spectator::Spectator;
use crate::cli::workbench::ModuleFile;
use crate::sandbox::{CancelSignal, Run, RunMode, Sandbox};

/// Run a method of a module once, without an overlord and without a daemon
///
/// The result goes to standard output, logs and progress go to standard error.
#[derive(Debug, Args)]
pub(crate) struct Call {
    #[command(flatten)]
    module: ModuleFile,
    /// The method, with or without the module's name before it
    method: String,
    /// One word for each parameter; @FILE for a parameter that takes bytes
    #[arg(value_name = "ARG", allow_negative_numbers = true)]
    words: Vec<String>,
    /// All arguments at once: a JSON array, or an object by parameter name
    #[arg(long, value_name = "JSON", conflicts_with = "words")]
    args: Option<String>,
    /// End it after this long: "10s"
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    timeout: Option<Duration>,
    /// Do nothing that has an effect, and say what would have been done
    #[arg(long)]
    dry_run: bool,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

impl Call {
    pub(crate) async fn run(mut self, place: &Place) -> anyhow::Result<ExitCode> {
        let bench = self.module.open(place)?;
        let module = bench.sandbox.load(bench.name.clone(), &bench.bytes, &bench.policy)?;
        let short = self.method.strip_prefix(&format!("{}.", bench.name)).unwrap_or(&self.method);
        let prepared = MethodPath::try_from(format!("{}.{short}", bench.name))
            .map_err(anyhow::Error::from)
            .and_then(|path| {
                let method = module.method(&path.method)?;
                let arguments = arguments(method, self.args.take(), std::mem::take(&mut self.words))?;
                bind(method, &bench.name, &arguments)?;
                Ok((path, arguments))
            });
        let (method, arguments) = match prepared {
            Ok(prepared) => prepared,
            Err(error) => {
                eprintln!("minion: {}", printable(&format!("{error:#}")));
                return Ok(ExitCode::from(USAGE));
            }
        };
        let cancel = CancelSignal::new();
        let spectator = Arc::new(Spectator::new());
        let run = Run {
            job: JobId::new(),
            method,
            operator: operator(),
            arguments,
            timeout: self.timeout,
            mode: if self.dry_run { RunMode::Dry } else { RunMode::Real },
            events: spectator.clone(),
            cancel: cancel.clone(),
        };
        let report = watched(&bench.sandbox, &module, run, &cancel).await;
        spectator.close();
        self.tell(&report);
        let ok = matches!(report.outcome, Outcome::Ok(_));
        Ok(if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    fn tell(&self, report: &Report) {
        if self.json {
            return print(json!(report.document()));
        }
        for effect in &report.would {
            eprintln!("would: {}", printable(effect));
        }
        match &report.outcome {
            Outcome::Ok(None) => {}
            Outcome::Ok(Some(result)) => print(value(result)),
            Outcome::Failed(failure) => {
                eprintln!("{}: {}", failure.kind, printable(&failure.message));
                // What the guest wrote to its stderr has been on the screen.
                if let Some(backtrace) = &failure.backtrace {
                    eprintln!("{}", printable(backtrace));
                }
            }
        }
    }
}

/// Runs the job. Ctrl-C asks it to stop, and a second one makes it.
async fn watched(
    sandbox: &Sandbox,
    module: &crate::sandbox::LoadedModule,
    run: Run,
    cancel: &CancelSignal,
) -> Report {
    let job = sandbox.run(module, run);
    tokio::pin!(job);
    loop {
        tokio::select! {
            report = &mut job => return report,
            Ok(()) = tokio::signal::ctrl_c() => match cancel.is_cancelled() {
                true => cancel.kill(),
                false => cancel.cancel(),
            },
        }
    }
}

/// One argument for each word, or all of them as JSON.
fn arguments(method: &Method, json: Option<String>, words: Vec<String>) -> anyhow::Result<Arguments> {
    if let Some(json) = json {
        return Ok(Arguments::Json(json));
    }
    let words = words.into_iter().enumerate().map(|(place, word)| match word.strip_prefix('@') {
        Some(path) if method.takes_bytes(place) => read(Path::new(path)).map(Word::File),
        _ => Ok(Word::Text(word)),
    });
    Ok(Arguments::Words(words.collect::<anyhow::Result<_>>()?))
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = File::open(path).with_context(|| format!("cannot read \"{}\"", path.display()))?;
    file.take(MAX_MESSAGE as u64 + 1).read_to_end(&mut bytes)?;
    let fits = bytes.len() <= MAX_MESSAGE;
    anyhow::ensure!(fits, "\"{}\" is too large to be passed: {MAX_MESSAGE} bytes at most", path.display());
    Ok(bytes)
}

/// Whoever is logged in, as far as that is an operator's name.
fn operator() -> wire::name::OperatorName {
    let user = std::env::var("USER").unwrap_or_default();
    user.parse().unwrap_or_else(|_| "author".parse().expect("an operator's name"))
}

/// The exit code of a call that cannot be made.
const USAGE: u8 = 2;
