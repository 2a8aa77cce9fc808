//! How fast calls are, beside what their parts take alone.

use std::path::PathBuf;
use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use ledger::{BareStore, Durability};
use tokio::time::Instant;
use wire::message::operator::Target;
use wire::transport::echo::MESSAGE;
use wire::value::Value;

use super::bare;
use super::echo::Echo;
use super::error::BenchError;
use super::job::{self, Record};
use super::report::{Floor, Measured, Report};
use super::statistics::{Spread, rate};
use super::trial::{Selection, Setup, Trial, with_trial};

/// What to measure.
#[derive(Clone, Debug)]
pub struct CallOptions {
    /// How many times each thing is done.
    pub calls: u64,
    /// On how many minions.
    pub minions: u16,
    /// How many at once, one measurement after the other.
    pub at_once: Vec<usize>,
    /// How many bytes of text go to the minion and come back with each call; with none, that is `test.ping`.
    pub value_size: usize,
    /// The folder of modules; the module `test` alone where nothing is said.
    pub modules: Option<PathBuf>,
}

/// Measures everything in one run. `None` where `stop` came first.
pub async fn call(
    options: CallOptions,
    stop: impl Future<Output = ()>,
) -> Result<Option<Report>, BenchError> {
    let setup = Setup::plain(options.minions, options.modules.clone()).with(Selection::Named);
    let work = async |trial: Trial<'_, '_>| run(&options, &trial).await;
    with_trial(setup, stop, work, async |report, _| Ok(report)).await
}

async fn run(options: &CallOptions, trial: &Trial<'_, '_>) -> Result<Report, BenchError> {
    let echo = Echo::start(&trial.folder, MESSAGE + options.value_size).await?;
    let store = BareStore::open(&trial.dir.join("bare")).map_err(BenchError::Store)?;
    // The first calls pay for caches that stay.
    let once = async |record| once(trial, options.value_size, record).await;
    measure("sync", WARM_UP, 1, async || once(Record::Lazy).await).await?;
    let (mut measured, mut floors) = (Vec::new(), Vec::new());
    for &at_once in &options.at_once {
        let count = options.calls.max(at_once as u64);
        let parts = Parts::measure(trial, &echo, &store, count, at_once).await?;
        let (sync, durable) = (
            measure("sync", count, at_once, async || once(Record::Lazy).await).await?,
            measure("durable", count, at_once, async || once(Record::Durable).await).await?,
        );
        measured.extend([
            sync.over(parts.floor(&[TWO_ECHOES, GUEST])),
            durable.over(parts.floor(&[TWO_ECHOES, GUEST, TWO_COMMITS])),
        ]);
        // A ping has no value with it.
        if options.value_size == 0 {
            let ping = measure("ping", count, at_once, async || ping(trial).await).await?;
            measured.push(ping.over(parts.floor(&[TWO_ECHOES])));
        }
        floors.extend(parts.0);
    }
    let mut given = vec![("minions", options.minions.into()), ("count", options.calls)];
    if options.value_size > 0 {
        given.push(("value_bytes", options.value_size as u64));
    }
    Ok(Report { bench: "call", given, measured, headline: 0, floors })
}

/// What a call is made of, each alone with as many at once as there are calls.
struct Parts([Measured; 3]);

/// A part, how often a call has it one after the other, and how often it has it in all.
type Share = (usize, f64, f64);

/// From the operator to the overlord, and from there to the minion.
const TWO_ECHOES: Share = (0, 2.0, 2.0);
const GUEST: Share = (1, 1.0, 1.0);
/// On the overlord's disk, and then on the minion's. Each has a thread of its own for that.
const TWO_COMMITS: Share = (2, 2.0, 1.0);

impl Parts {
    async fn measure(
        trial: &Trial<'_, '_>,
        echo: &Echo,
        store: &BareStore,
        count: u64,
        at_once: usize,
    ) -> Result<Self, BenchError> {
        let echo = measure("echo", count, at_once, async || echo.once().await).await?;
        let guest = bare::guest(trial, count, bare::threads(at_once)).await?;
        // Those for which there is no processor wait for the others.
        let turns = at_once.div_ceil(bare::threads(at_once)) as u32;
        let times = guest.times.into_iter().map(|time| time * turns).collect();
        let guest = Measured::spread("guest", at_once, guest.rate, &Spread::of(times));
        Ok(Self([echo, guest, commits(store, count, at_once)?]))
    }

    /// The floor of what is made of these: their times one after the other, and the rate of the slowest.
    fn floor(&self, shares: &[Share]) -> Floor {
        let p50 = |&(part, in_turn, _): &Share| self.0[part].figure("p50").unwrap_or_default() * in_turn;
        let rates = shares.iter().map(|&(part, _, often)| {
            let part = &self.0[part];
            (part.rate.unwrap_or_default() / often, part.what)
        });
        let slowest = rates.min_by(|(one, _), (other, _)| one.total_cmp(other));
        Floor { figures: vec![("p50", shares.iter().map(p50).sum())], rate: slowest }
    }
}

/// A bare database that writes as many records as there are at once in one batch, with one fsync.
pub(super) fn commits(store: &BareStore, count: u64, at_once: usize) -> Result<Measured, BenchError> {
    let (mut times, mut number) = (Vec::new(), 0_u128);
    let began = Instant::now();
    // Few batches say nothing of a disk that others use as well.
    for _ in 0..count.div_ceil(at_once as u64).max(count.min(BATCHES)) {
        let from = number;
        number += at_once as u128;
        let records = (from..number).map(|key| (key.to_be_bytes(), vec![7; RECORD]));
        let batch = Instant::now();
        store.write(records, Durability::Synced).map_err(BenchError::Store)?;
        times.push(batch.elapsed());
    }
    let rate = rate(number as u64, began.elapsed());
    Ok(Measured::spread("commit", at_once, rate, &Spread::of(times)))
}

async fn once(trial: &Trial<'_, '_>, value_size: usize, record: Record) -> Result<(), BenchError> {
    let call = match value_size {
        0 => job::call("test.ping", Vec::new(), record),
        size => {
            let text = |size| Value::String("x".repeat(size));
            job::call("test.concat", vec![text(size), text(0)], record)
        }
    };
    let document = job::finished(&trial.client, call).await?;
    job::not_ok(&document).map_or(Ok(()), |problem| Err(BenchError::NotOk(problem)))
}

async fn ping(trial: &Trial<'_, '_>) -> Result<(), BenchError> {
    let pings = trial.client.ping(Target::of("*")).await?.answer;
    match pings.into_iter().find_map(|ping| ping.answer.err()) {
        Some(problem) => Err(BenchError::NotOk(problem)),
        None => Ok(()),
    }
}

/// Does a thing so many times, and takes the time of each.
pub(super) async fn measure(
    what: &'static str,
    count: u64,
    at_once: usize,
    once: impl AsyncFn() -> Result<(), BenchError>,
) -> Result<Measured, BenchError> {
    let once = &once;
    let timed = |_| async move {
        let began = Instant::now();
        once().await?;
        Ok::<Duration, BenchError>(began.elapsed())
    };
    let began = Instant::now();
    let times = stream::iter(0..count).map(timed).buffer_unordered(at_once).try_collect().await?;
    Ok(Measured::spread(what, at_once, rate(count, began.elapsed()), &Spread::of(times)))
}

const WARM_UP: u64 = 100;

/// How many batches are committed at the least, where as many things are measured.
const BATCHES: u64 = 200;

/// About what a ledger keeps of a small call, in bytes.
const RECORD: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    fn part(what: &'static str, rate: f64, p50: u64) -> Measured {
        let spread = Spread { p50: Duration::from_millis(p50), ..Spread::default() };
        Measured::spread(what, 1, rate, &spread)
    }

    #[test]
    fn the_floor_of_a_call_has_its_parts_in_turn_and_the_rate_of_the_slowest() {
        let parts = Parts([part("echo", 9000.0, 2), part("guest", 50_000.0, 1), part("commit", 4000.0, 5)]);
        let sync = parts.floor(&[TWO_ECHOES, GUEST]);
        assert_eq!((sync.figures, sync.rate), (vec![("p50", 5.0)], Some((4500.0, "echo"))));
        let durable = parts.floor(&[TWO_ECHOES, GUEST, TWO_COMMITS]);
        assert_eq!((durable.figures, durable.rate), (vec![("p50", 15.0)], Some((4000.0, "commit"))));
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

    #[test]
    fn a_bare_database_commits_as_many_at_once_as_there_are() {
        let dir = tempfile::tempdir().expect("a folder");
        let store = BareStore::open(&dir.path().join("bare")).expect("made");
        let measured = commits(&store, 10, 4).expect("written");
        assert!(measured.rate > Some(0.0));
        assert_eq!(store.look_up(39_u128.to_be_bytes()), Ok(Some(RECORD)));
        assert_eq!(store.look_up(40_u128.to_be_bytes()), Ok(None));
    }
}
