//! `minion call FILE.wasm METHOD [ARG…]`.

use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};
use output::{Exit, Failure, Unprinted, note, print, print_bytes, print_raw};
use serde_json::json;
use tokio::signal::unix::Signal;

use wire::document::text::{bytes, plain, value};
use wire::message::job::JobId;
use wire::message::outcome::{Outcome, Report};
use wire::name::MethodPath;
use wire::value::arguments::Arguments;
use wire::value::arguments::bind;
use wire::value::given;
use wire::value::method::Signature;

use crate::cli::DirFlag;
use crate::cli::spectator::{Spectator, behind};
use crate::cli::watch::{Ended, interrupts, watch};
use crate::cli::workbench::{ModuleFile, Workbench};
use crate::containment::Containment;
use crate::sandbox::{CancelSignal, LoadedModule, Run, RunMode};

/// Run a method of a module once, without an overlord and without a daemon
///
/// The result goes to standard output, logs and progress go to standard error.
#[derive(Debug, Args)]
pub(crate) struct Call {
    #[command(flatten)]
    module: ModuleFile,
    /// The method, with or without the module's name before it
    method: String,
    /// One word for each parameter; for text or bytes also @FILE or - (standard input), and @@WORD for a word with an @
    #[arg(value_name = "ARG", allow_negative_numbers = true)]
    words: Vec<String>,
    /// All arguments at once: a JSON array, or an object by parameter name; @FILE or - (standard input) where it is in there
    #[arg(long, value_name = "JSON", conflicts_with = "words")]
    args: Option<String>,
    /// End it after this long: "10s"
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    timeout: Option<Duration>,
    /// Do nothing that has an effect, and say what would have been done
    #[arg(long)]
    dry_run: bool,
    /// Make the call again whenever the file has changed, until Ctrl-C
    #[arg(long)]
    watch: bool,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
    /// `raw`: write a result that is text or bytes to a file or a program as it is, without a line end
    #[arg(long, value_name = "FORM", conflicts_with_all = ["json", "watch"])]
    output: Option<Form>,
}

/// Forms of a result besides text and JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    /// Its bytes.
    Raw,
}

/// A call that can be made.
struct Prepared {
    bench: Workbench,
    module: Arc<LoadedModule>,
    method: MethodPath,
    arguments: Arguments,
}

impl Call {
    pub(crate) async fn run(self, dir: &DirFlag) -> Result<Exit, Failure> {
        Containment::is_sole_parent();
        if self.watch {
            return watch(self.module.path(), async |interrupts| self.once(dir, interrupts).await).await;
        }
        let prepared = self.prepare(dir)?;
        let (exit, told) = self.make(prepared, &mut interrupts()?, &CancelSignal::new()).await;
        exit.after_printing(told)
    }

    /// Makes the call with the module as its file is now. What stands in its way is told.
    async fn once(&self, dir: &DirFlag, interrupts: &mut Signal) -> Result<Ended, Failure> {
        let prepared = match self.prepare(dir) {
            Ok(prepared) => prepared,
            Err(failure) => {
                failure.say("minion");
                return Ok(Ended::Done);
            }
        };
        let cancel = CancelSignal::new();
        match self.make(prepared, interrupts, &cancel).await {
            (exit, Err(unread)) => exit.after_printing(Err(unread)).map(Ended::Unread),
            _ if cancel.is_cancelled() => Ok(Ended::Interrupted),
            _ => Ok(Ended::Done),
        }
    }

    fn prepare(&self, dir: &DirFlag) -> Result<Prepared, Failure> {
        let bench = self.module.open(dir)?;
        let module = bench.sandbox.load(bench.name.clone(), &bench.bytes, &bench.policy)?;
        let (method, arguments) = self.bound(&bench, &module).map_err(Failure::into_usage)?;
        Ok(Prepared { bench, module, method, arguments })
    }

    /// The method with its arguments, which fit it.
    fn bound(&self, bench: &Workbench, module: &LoadedModule) -> Result<(MethodPath, Arguments), Failure> {
        let short = self.method.strip_prefix(&format!("{}.", bench.name)).unwrap_or(&self.method);
        let path = MethodPath::try_from(format!("{}.{short}", bench.name))?;
        let method = module.method(&path.method)?;
        let arguments = arguments(method, self.args.as_deref(), &self.words)?;
        bind(method, &bench.name, &arguments)?;
        if self.output == Some(Form::Raw) {
            Failure::unless(
                method.gives_contents(),
                "--output raw is for methods that give back a string or list<u8>: leave it out, or take --json",
            )?;
            Failure::unless(
                !output::stdout_is_terminal(),
                "--output raw is not for a terminal: send it to a file or a program",
            )?;
        }
        Ok((path, arguments))
    }

    /// Runs the job and tells how it went: returns that, and whether it could be printed.
    async fn make(
        &self,
        prepared: Prepared,
        interrupts: &mut Signal,
        cancel: &CancelSignal,
    ) -> (Exit, Result<(), Unprinted>) {
        let Prepared { bench, module, method, arguments } = prepared;
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
            home: bench.home(),
        };
        let report = stoppable(bench.sandbox.run(&module, run), interrupts, cancel).await;
        spectator.close();
        (Exit::of(matches!(report.outcome, Outcome::Ok(_))), self.tell(&report))
    }

    fn tell(&self, report: &Report) -> Result<(), Unprinted> {
        if self.json {
            return print(json!(report.document()));
        }
        for effect in &report.would {
            note(behind("would", effect));
        }
        match &report.outcome {
            Outcome::Ok(None) => {}
            Outcome::Ok(Some(result)) if self.output == Some(Form::Raw) => match bytes(result) {
                Some(bytes) => print_bytes(bytes)?,
                None => note("there are no bytes: the method gave back nothing"),
            },
            // A terminal gets what cannot harm it, a program what the method returned.
            Outcome::Ok(Some(result)) if !output::stdout_is_terminal() => print_raw(&plain(result))?,
            Outcome::Ok(Some(result)) => print(value(result))?,
            Outcome::Failed(failure) => {
                note(behind(failure.kind.as_str(), &failure.message));
                // What the guest wrote to its stderr has been on the screen.
                if let Some(backtrace) = &failure.backtrace {
                    note(behind("backtrace", backtrace));
                }
            }
        }
        Ok(())
    }
}

/// Runs the job. Ctrl-C asks it to stop, and a second one makes it.
async fn stoppable(
    job: impl Future<Output = Report>,
    interrupts: &mut Signal,
    cancel: &CancelSignal,
) -> Report {
    tokio::pin!(job);
    loop {
        tokio::select! {
            report = &mut job => return report,
            Some(()) = interrupts.recv() => match cancel.is_cancelled() {
                true => cancel.kill(),
                false => cancel.cancel(),
            },
        }
    }
}

/// One argument for each word, or all of them as JSON.
fn arguments(method: Signature<'_>, json: Option<&str>, words: &[String]) -> Result<Arguments, Failure> {
    if let Some(json) = json {
        return Ok(Arguments::Json(given::json(json.to_owned(), std::io::stdin())?));
    }
    let words = given::words(words.to_vec(), |place| method.takes_contents(place), std::io::stdin())?;
    Ok(Arguments::Words(words))
}

/// Whoever is logged in, as far as that is an operator's name.
fn operator() -> wire::name::OperatorName {
    let user = std::env::var("USER").unwrap_or_default();
    user.parse().unwrap_or_else(|_| "author".parse().expect("an operator's name"))
}
