//! `minion measure`: what parts of this program cost alone, which `overlord bench` asks and puts beside the whole.

mod module;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::{Args, Subcommand};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use output::{Exit, Failure, print};
use serde_json::{Value, json};
use tokio::io::AsyncReadExt as _;
use tokio::task::JoinSet;
use wire::transport::echo;
use wire::transport::endpoint::{Dialling, Trust};

use crate::cli::DirFlag;
use crate::dialler::{Dialled, Dialler};
use crate::modules::read_module;
use crate::sandbox::BareMethod;

/// Measure what the engine and a connection cost alone, for `overlord bench`
#[derive(Debug, Subcommand)]
pub(crate) enum Measure {
    Guest(Guest),
    Echoes(Echoes),
    Module(module::Module),
}

impl Measure {
    pub(crate) async fn run(self, dir: &DirFlag) -> Result<Exit, Failure> {
        match self {
            Self::Guest(guest) => guest.run(),
            Self::Echoes(echoes) => echoes.run(dir).await,
            Self::Module(module) => module.run().await,
        }
    }
}

/// Which method is run.
#[derive(Debug, Args)]
struct Method {
    /// The module, a WebAssembly component
    #[arg(value_name = "FILE.wasm")]
    file: PathBuf,
    /// A method of it that has no parameters
    method: String,
}

impl Method {
    fn bytes(&self) -> Result<Vec<u8>, Failure> {
        let failed =
            |error| Failure::failed(format_args!("cannot read \"{}\": {error}", self.file.display()));
        read_module(&self.file).map_err(failed)
    }

    fn compile(&self, bytes: &[u8]) -> Result<BareMethod, Failure> {
        BareMethod::compile(bytes, &self.method).map_err(|problem| self.failed(&problem))
    }

    fn failed(&self, problem: &str) -> Failure {
        failed(&self.file, problem)
    }
}

fn failed(file: &Path, problem: &str) -> Failure {
    Failure::failed(format_args!("cannot measure \"{}\": {problem}", file.display()))
}

/// Times as whoever asked reads them: in nanoseconds, in the order in which they were measured.
fn nanoseconds(times: impl IntoIterator<Item = Duration>) -> Value {
    times.into_iter().map(|time| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)).collect()
}

/// Run a method many times with the engine alone, on as many threads as asked for
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  minion measure guest target/modules/test.wasm ping --count 10000 --threads 2")]
pub(crate) struct Guest {
    #[command(flatten)]
    method: Method,
    /// How many times
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    count: u32,
    /// On how many threads
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=64))]
    threads: u8,
}

impl Guest {
    fn run(self) -> Result<Exit, Failure> {
        let method = self.method.compile(&self.method.bytes()?)?;
        // The first jobs pay for the pool's pages, which stay.
        for _ in 0..WARM_UP {
            method.run().map_err(|problem| self.method.failed(&problem))?;
        }
        let each = self.count.div_ceil(self.threads.into());
        let work = || {
            let once = |_| {
                let began = Instant::now();
                method.run().map(|_| began.elapsed())
            };
            (0..each).map(once).collect::<Result<Vec<_>, String>>()
        };
        let began = Instant::now();
        let times = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..self.threads).map(|_| scope.spawn(work)).collect();
            let joined = threads
                .into_iter()
                .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            joined.collect::<Result<Vec<_>, String>>()
        });
        let elapsed = began.elapsed();
        let times = times.map_err(|problem| self.method.failed(&problem))?;
        print(json!({
            "elapsed": nanoseconds([elapsed]),
            "times": nanoseconds(times.into_iter().flatten()),
        }))?;
        Ok(Exit::Ok)
    }
}

const WARM_UP: u32 = 100;

/// Hold many connections and run a method for each echo that is asked of them, until standard input ends
///
/// The connections are dialled as a swarm dials: from a few sockets, a few at a time, with this minion's certificate.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  minion measure echoes --to 127.0.0.1:51999 --count 1000 target/modules/test.wasm ping --dir /var/lib/minion")]
pub(crate) struct Echoes {
    #[command(flatten)]
    method: Method,
    /// Where the other ends are
    #[arg(long, value_name = "ADDRESS")]
    to: String,
    /// How many connections
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    count: u32,
}

impl Echoes {
    async fn run(self, dir: &DirFlag) -> Result<Exit, Failure> {
        let method = self.method.compile(&self.method.bytes()?)?;
        method.run().map_err(|problem| self.method.failed(&problem))?;
        let identity = dir.folder()?.identity()?;
        let trust = Trust::Authorities(identity.authorities());
        let dialling = Dialling::new(Some(&identity), trust, &[echo::ASKED_ALPN]).map_err(Failure::failed)?;
        let dialler = Dialler::shared();
        let began = Instant::now();
        let dial = |_| async {
            let dialled = dialler.dial(&self.to, &dialling).await;
            dialled.map(|dialled| (dialled, began.elapsed())).map_err(Failure::failed)
        };
        // The dialler itself lets only so many shake hands at once.
        let dialled: Vec<(Dialled, _)> =
            stream::iter(0..self.count).map(dial).buffer_unordered(AT_ONCE).try_collect().await?;
        let mut serving = JoinSet::new();
        for (dialled, _) in &dialled {
            let (method, file) = (method.clone(), self.method.file.clone());
            let work = move || {
                if let Err(problem) = method.run() {
                    failed(&file, &problem).say("minion");
                }
            };
            serving.spawn(echo::serve(dialled.connection.clone(), echo::MESSAGE, work));
        }
        print(json!({ "connected": nanoseconds(dialled.iter().map(|(_, after)| *after)) }))?;
        // Nothing comes in but the end.
        let _ = tokio::io::stdin().read_u8().await;
        dialler.close().await;
        Ok(Exit::Ok)
    }
}

const AT_ONCE: usize = 256;
