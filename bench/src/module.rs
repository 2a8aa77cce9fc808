//! How long a module takes to be compiled, loaded and run: by the sandbox, and by the engine alone.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::bare::{durations, measure_with, output};
use super::error::BenchError;
use super::report::{Floor, Measured, Report};
use super::statistics::{Spread, rate};
use overlord::dev::Programs;

/// What to measure.
#[derive(Clone, Debug)]
pub struct ModuleOptions {
    /// The module; the module `test` where nothing is said.
    pub file: Option<PathBuf>,
    /// The folder that has the module `test`; the usual one where nothing is said.
    pub modules: Option<PathBuf>,
    /// A method of it that has no parameters.
    pub method: String,
    /// How many jobs.
    pub count: u32,
    /// How often it is compiled and loaded.
    pub loads: u32,
}

/// What `minion measure module` says: times in nanoseconds.
#[derive(Deserialize)]
struct Said {
    sandbox: Times,
    bare: Times,
}

#[derive(Deserialize)]
struct Times {
    compile: Vec<u64>,
    load: Vec<u64>,
    job: Vec<u64>,
    #[serde(default)]
    instantiate: Vec<u64>,
    #[serde(default)]
    call: Vec<u64>,
}

/// Measures all of it, without any daemon. `None` where `stop` came first.
pub async fn module(
    options: ModuleOptions,
    stop: impl Future<Output = ()>,
) -> Result<Option<Report>, BenchError> {
    let programs = Programs::find(options.modules)?;
    let file = options.file.unwrap_or_else(|| programs.modules().join("test.wasm"));
    let mut command = measure_with(programs.minion(), &file, &options.method, "module");
    command.args(["--count", &options.count.to_string(), "--loads", &options.loads.to_string()]);
    // Where it is dropped, the process is killed.
    let Said { sandbox, bare } = tokio::select! {
        said = output(command) => said?,
        () = stop => return Ok(None),
    };
    let floor = |times: Vec<u64>| {
        let part = spread("engine", times);
        Floor { figures: part.figures, rate: None }
    };
    Ok(Some(Report {
        bench: "module",
        given: vec![("count", options.count.into())],
        measured: vec![
            spread("job", sandbox.job).over(floor(bare.job)),
            spread("compile", sandbox.compile).over(floor(bare.compile)),
            spread("load", sandbox.load).over(floor(bare.load)),
        ],
        headline: 0,
        floors: vec![spread("instantiate", bare.instantiate), spread("call", bare.call)],
    }))
}

fn spread(what: &'static str, times: Vec<u64>) -> Measured {
    let times = durations(times);
    let rate = rate(times.len() as u64, times.iter().sum::<Duration>());
    let spread = Spread::of(times);
    Measured { with: Vec::new(), ..Measured::spread(what, 1, rate, &spread) }
}
