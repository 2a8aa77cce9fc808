//! `minion measure guest`

use std::time::Instant;

use clap::Args;
use output::{Exit, Failure, print};
use serde_json::json;

use super::{Method, nanoseconds};

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
    pub(crate) fn run(self) -> Result<Exit, Failure> {
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
