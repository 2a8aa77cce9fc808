//! How fast calls are, beside what the network alone takes.

use std::path::PathBuf;
use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use tokio::time::Instant;
use wire::message::operator::Target;

use super::echo::Echo;
use super::error::BenchError;
use super::job::{self, Record};
use super::statistics::{Spread, rate};
use super::trial::{Setup, Trial, with_trial};

/// What to measure.
#[derive(Clone, Debug)]
pub struct CallsOptions {
    /// How many times each thing is done.
    pub calls: u64,
    /// On how many minions.
    pub minions: u16,
    /// How many at once, where they are not one after the other.
    pub in_flight: usize,
    /// The folder of modules; the usual ones where nothing is said.
    pub modules: Option<PathBuf>,
}

/// One thing, done many times.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measured {
    /// What: `echo`, `ping`, `call` or `durable-call`.
    pub what: &'static str,
    /// How many of it at once.
    pub in_flight: usize,
    /// How many of it in a second.
    pub rate: f64,
    /// How long one took.
    pub spread: Spread,
}

/// What was measured: the echo first, one after the other, then at once.
#[derive(Clone, Debug)]
pub struct Calls {
    /// On how many minions.
    pub minions: u16,
    /// All of it.
    pub measured: Vec<Measured>,
}

impl Calls {
    /// How many times as long as an echo this takes, by the rates of this run.
    pub fn ratio(&self, measured: &Measured) -> f64 {
        let same = |floor: &&Measured| floor.what == ECHO && floor.in_flight == measured.in_flight;
        self.measured.iter().find(same).map_or(f64::NAN, |floor| floor.rate / measured.rate)
    }
}

/// Measures everything in one run. `None` where `stop` came first.
pub async fn calls(
    options: CallsOptions,
    stop: impl Future<Output = ()>,
) -> Result<Option<Calls>, BenchError> {
    let (minions, setup) = (options.minions, Setup::plain(options.minions, options.modules.clone()));
    let work = async |trial: Trial<'_, '_>| {
        let measured = run(&options, &trial).await?;
        Ok(Calls { minions, measured })
    };
    with_trial(setup, stop, work, async |calls, _| Ok(calls)).await
}

async fn run(options: &CallsOptions, trial: &Trial<'_, '_>) -> Result<Vec<Measured>, BenchError> {
    let echo = Echo::start(&trial.folder).await?;
    let everybody = || Target::of("*");
    let ping = async || match trial
        .client
        .ping(everybody())
        .await?
        .answer
        .into_iter()
        .find_map(|ping| ping.answer.err())
    {
        Some(problem) => Err(BenchError::NotOk(problem)),
        None => Ok(()),
    };
    let call = async |record| {
        let document = job::finished(&trial.client, job::call("test.ping", Vec::new(), record)).await?;
        job::not_ok(&document).map_or(Ok(()), |problem| Err(BenchError::NotOk(problem)))
    };
    // The first calls pay for caches that stay.
    measure("call", WARM_UP, 1, async || call(Record::Lazy).await).await?;
    let mut measured = Vec::new();
    for in_flight in [1, options.in_flight] {
        let count = options.calls;
        measured.push(measure(ECHO, count, in_flight, async || echo.once().await).await?);
        measured.push(measure("ping", count, in_flight, &ping).await?);
        measured.push(measure("call", count, in_flight, async || call(Record::Lazy).await).await?);
        measured.push(measure("durable-call", count, in_flight, async || call(Record::Durable).await).await?);
    }
    Ok(measured)
}

/// Does a thing so many times, and takes the time of each.
async fn measure(
    what: &'static str,
    count: u64,
    in_flight: usize,
    once: impl AsyncFn() -> Result<(), BenchError>,
) -> Result<Measured, BenchError> {
    let once = &once;
    let timed = |_| async move {
        let began = Instant::now();
        once().await?;
        Ok::<Duration, BenchError>(began.elapsed())
    };
    let began = Instant::now();
    let times = stream::iter(0..count).map(timed).buffer_unordered(in_flight).try_collect().await?;
    Ok(Measured { what, in_flight, rate: rate(count, began.elapsed()), spread: Spread::of(times) })
}

const ECHO: &str = "echo";

const WARM_UP: u64 = 100;

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(what: &'static str, in_flight: usize, rate: f64) -> Measured {
        Measured { what, in_flight, rate, spread: Spread::default() }
    }

    #[test]
    fn a_ratio_is_to_the_echo_with_as_many_at_once() {
        let call = measured("call", 32, 500.0);
        let calls =
            Calls { minions: 1, measured: vec![measured(ECHO, 1, 1000.0), measured(ECHO, 32, 5000.0), call] };
        assert_eq!(calls.ratio(&call), 10.0);
    }

    #[tokio::test]
    async fn a_thing_is_done_as_often_as_asked_and_the_first_failure_ends_it() {
        let done = std::cell::Cell::new(0);
        let once = async || {
            done.set(done.get() + 1);
            if done.get() < 50 { Ok(()) } else { Err(BenchError::NotOk("broken".into())) }
        };
        measure("call", 49, 7, once).await.expect("none failed");
        assert_eq!(done.get(), 49);
        assert!(measure("call", 49, 1, once).await.is_err());
    }
}
