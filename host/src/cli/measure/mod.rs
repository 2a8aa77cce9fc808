//! `minion measure`: what parts of this program cost alone, which `overlord bench` asks and puts beside the whole.

mod echoes;
mod guest;
mod module;

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Subcommand};
use output::{Exit, Failure};
use serde_json::Value;

use crate::cli::DirFlag;
use crate::modules::read_module;
use crate::sandbox::BareMethod;

/// Measure what the engine and a connection cost alone, for `overlord bench`
#[derive(Debug, Subcommand)]
pub(crate) enum Measure {
    Guest(guest::Guest),
    Echoes(echoes::Echoes),
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
