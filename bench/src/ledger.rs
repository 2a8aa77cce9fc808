//! How fast the overlord's ledger takes jobs and finds them, with few finished jobs in it and with many.

use std::cell::RefCell;
use std::path::Path;
use std::pin::pin;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use ledger::{BareStore, Durability, JobRecord, LedgerError, OverlordLedger};
use tokio::time::Instant;
use wire::message::job::{JobId, MinionJobId};
use wire::message::outcome::{Outcome, Report as JobReport};
use wire::value::Value;
use wire::value::arguments::Arguments;

use super::call::{commits, measure};
use super::error::BenchError;
use super::report::{Floor, Measured, Report, milliseconds};
use super::statistics::{Spread, rate};
use overlord::dev::DevError;

/// What to measure.
#[derive(Clone, Debug)]
pub struct LedgerOptions {
    /// How many finished jobs there are in the end. Everything is measured with [`FEW`] of them first.
    pub jobs: u64,
    /// How many times each thing is done.
    pub count: u64,
    /// How many at once, one measurement after the other.
    pub at_once: Vec<usize>,
}

/// With how many finished jobs what takes longer with more of them is compared.
pub const FEW: u64 = 10_000;

/// Measures a ledger of its own, in a folder that is thrown away, telling `watch` now and then how many jobs are in it.
/// `None` where `stop` came first.
pub async fn ledger(
    options: LedgerOptions,
    stop: impl Future<Output = ()>,
    watch: impl FnMut(u64),
) -> Result<Option<Report>, BenchError> {
    let dir = tempfile::Builder::new().prefix("overlord-bench-").tempdir();
    let dir = dir.map_err(DevError::system("make a folder for the measurement"))?;
    let report = {
        let (working, stop) = (pin!(run(&options, dir.path(), watch)), pin!(stop));
        tokio::select! {
            report = working => report.map(Some),
            () = stop => Ok(None),
        }
    };
    let removed = dir.close().map_err(DevError::system("remove the folder of the measurement"));
    let report = report?;
    removed?;
    Ok(report)
}

async fn run(options: &LedgerOptions, dir: &Path, mut watch: impl FnMut(u64)) -> Result<Report, BenchError> {
    let bare = BareStore::open(&dir.join("bare")).map_err(broke)?;
    let mut filled = Filled::new(dir)?;
    let (mut measured, mut floors): (Vec<Measured>, Vec<Measured>) = (Vec::new(), Vec::new());
    let mut sizes = vec![options.jobs.min(FEW), options.jobs];
    sizes.dedup();
    for jobs in sizes {
        filled.fill_to(jobs, &bare, &mut watch).await?;
        for &at_once in &options.at_once {
            let commit = commits(&bare, options.count, at_once)?;
            let submit = filled.submit(options.count, at_once).await?.over(as_floor(&commit));
            measured.push(submit.with("jobs", jobs));
            floors.push(commit.with("jobs", jobs));
        }
        let get = filled.look_up_bare(&bare, options.count)?;
        measured.push(filled.look_up(options.count).await?.over(as_floor(&get)).with("jobs", jobs));
        floors.push(get.with("jobs", jobs));
        measured.push(filled.open().await?.with("jobs", jobs));
        measured.push(filled.on_disk().await.with("jobs", jobs));
    }
    filled.ledger.close().await;
    let measured = compared(measured);
    // The first of the largest: a submission, one after the other.
    let headline = measured.iter().position(|one| one.with.contains(&("jobs", options.jobs))).unwrap_or(0);
    let given = vec![("jobs", options.jobs), ("count", options.count)];
    Ok(Report { bench: "ledger", given, measured, headline, floors })
}

/// Says of each thing how much longer it takes than with the fewest jobs.
fn compared(measured: Vec<Measured>) -> Vec<Measured> {
    let at_once = |one: &Measured| one.number("at_once");
    let slower = |one: &Measured| {
        let first = measured.iter().find(|other| other.what == one.what && at_once(other) == at_once(one))?;
        let slower = one.figure(one.by)? / first.figure(one.by)?;
        (!std::ptr::eq(first, one) && slower.is_finite()).then_some(slower)
    };
    measured.iter().map(|one| Measured { slower: slower(one), ..one.clone() }).collect()
}

/// A ledger of an overlord with finished jobs in it.
struct Filled<'d> {
    ledger: OverlordLedger,
    dir: &'d Path,
    jobs: u64,
    newest: JobId,
    /// Some of the jobs, evenly spread.
    some: Vec<JobId>,
}

impl<'d> Filled<'d> {
    fn new(dir: &'d Path) -> Result<Self, BenchError> {
        let ledger = OverlordLedger::open(&dir.join("ledger")).map_err(broke)?;
        Ok(Self { ledger, dir, jobs: 0, newest: JobId::new(), some: Vec::new() })
    }

    /// Adds finished jobs until there are so many, and as many records to the bare database.
    async fn fill_to(
        &mut self,
        jobs: u64,
        bare: &BareStore,
        watch: &mut impl FnMut(u64),
    ) -> Result<(), BenchError> {
        let every = (jobs / SOME).max(1);
        while self.jobs < jobs {
            let count = BATCH.min(jobs - self.jobs);
            let ids = self.next(count);
            bare.write(ids.iter().map(|id| (id.to_bytes(), vec![7; RECORD])), Durability::Written)
                .map_err(broke)?;
            let finished = stream::iter(&ids).map(|id| finish(&self.ledger, *id)).buffer_unordered(AT_ONCE);
            finished.try_collect::<()>().await.map_err(broke)?;
            let kept = ids.iter().zip(self.jobs..).filter(|(_, number)| number % every == 0);
            self.some.extend(kept.map(|(id, _)| *id));
            self.jobs += count;
            watch(self.jobs);
        }
        Ok(())
    }

    /// The ids of the next jobs, each behind the one before as an overlord makes them.
    fn next(&mut self, count: u64) -> Vec<JobId> {
        let ids = std::iter::successors(Some(JobId::after(self.newest)), |id| Some(JobId::after(*id)));
        let ids: Vec<JobId> = ids.take(count as usize).collect();
        self.newest = ids.last().copied().unwrap_or(self.newest);
        ids
    }

    /// Accepts jobs as durable calls have it, and says how many of them shared an fsync.
    async fn submit(&mut self, count: u64, at_once: usize) -> Result<Measured, BenchError> {
        let count = count.max(at_once as u64);
        let ids = self.next(count);
        let next = RefCell::new(ids.iter());
        let before = self.ledger.commits().await;
        let submit = async || {
            // As many are asked for as there are ids.
            let Some(id) = next.borrow_mut().next().copied() else { return Ok(()) };
            self.ledger.accept(job(id), Durability::Synced).await.map(|_| ()).map_err(broke)
        };
        let measured = measure("submit", count, at_once, submit).await?;
        let after = self.ledger.commits().await;
        let shared = (after.writes - before.writes).div_ceil((after.batches - before.batches).max(1));
        // They are finished jobs from now on, as all others are.
        for id in ids {
            end(&self.ledger, id).await.map_err(broke)?;
        }
        self.jobs += count;
        Ok(measured.with("shared", shared))
    }

    async fn look_up(&self, count: u64) -> Result<Measured, BenchError> {
        let missing = || BenchError::Ledger { name: "the measurement".into(), source: gone(self.dir) };
        let find = async || {
            let found = self.ledger.document(self.any()).await.map_err(broke)?;
            found.map(|_| ()).ok_or_else(missing)
        };
        measure("look-up", count, 1, find).await
    }

    fn look_up_bare(&self, bare: &BareStore, count: u64) -> Result<Measured, BenchError> {
        let mut times = Vec::new();
        let began = Instant::now();
        for _ in 0..count {
            let one = Instant::now();
            bare.look_up(self.any().to_bytes()).map_err(broke)?;
            times.push(one.elapsed());
        }
        Ok(Measured::spread("get", 1, rate(count, began.elapsed()), &Spread::of(times)))
    }

    /// Closes the ledger and opens it again.
    async fn open(&mut self) -> Result<Measured, BenchError> {
        self.ledger.close().await;
        let path = self.dir.join("ledger");
        let began = Instant::now();
        self.ledger = OverlordLedger::open(&path).map_err(broke)?;
        Ok(Measured::times("open", vec![("p50", milliseconds(began.elapsed()))], "p50"))
    }

    async fn on_disk(&self) -> Measured {
        let bytes = self.ledger.storage().await.bytes.unwrap_or_default();
        Measured::bytes(
            "disk",
            vec![("each", bytes as f64 / self.jobs as f64), ("all", bytes as f64)],
            "each",
        )
    }

    fn any(&self) -> JobId {
        fastrand::choice(&self.some).copied().unwrap_or(self.newest)
    }
}

async fn finish(ledger: &OverlordLedger, id: JobId) -> Result<(), LedgerError> {
    ledger.accept(job(id), Durability::Written).await?;
    end(ledger, id).await
}

async fn end(ledger: &OverlordLedger, id: JobId) -> Result<(), LedgerError> {
    let report = JobReport::without_run(Outcome::Ok(Some(Value::String("pong".into()))), id.made_at());
    let JobRecord { targets, .. } = job(id);
    for minion in &targets {
        let own = Some(MinionJobId::new());
        ledger.part_ended(id, minion, own, report.clone(), id.made_at(), Durability::Written).await?;
    }
    Ok(())
}

/// A call of `test.ping` on one of a thousand minions.
fn job(id: JobId) -> JobRecord {
    let number = u16::from_be_bytes([id.to_bytes()[14], id.to_bytes()[15]]) % 1000;
    // Only literals and numbers come here.
    let minion = format!("web{number}").parse().expect("webN is a minion's name");
    JobRecord {
        id,
        accepted_at: id.made_at(),
        operator: "bench".parse().expect("an operator's name"),
        target: format!("web{number}"),
        exclude: None,
        targets: vec![minion],
        method: "test.ping".parse().expect("a method"),
        arguments: Arguments::Values(Vec::new()),
        timeout_ms: None,
        queue_until: None,
        dry_run: false,
        durable: true,
        batch: None,
        max_failures: None,
        rerun_of: None,
        patience_ms: None,
        mandate: None,
    }
}

fn as_floor(part: &Measured) -> Floor {
    Floor { figures: part.figures.clone(), rate: part.rate.map(|rate| (rate, part.what)) }
}

fn gone(dir: &Path) -> LedgerError {
    LedgerError::Damaged { path: dir.to_owned(), cause: "a job that was recorded is not found".into() }
}

fn broke(error: LedgerError) -> BenchError {
    BenchError::Store(error)
}

/// How many jobs are added between two looks at how many there are.
const BATCH: u64 = 10_000;

/// How many of them are under way at once.
const AT_ONCE: usize = 256;

/// How many jobs are remembered, to be looked up.
const SOME: u64 = 10_000;

/// About what a ledger keeps of a small call, in bytes.
const RECORD: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_ledger_is_measured_with_few_jobs_and_with_all_of_them() {
        let options = LedgerOptions { jobs: FEW + 200, count: 20, at_once: vec![1, 4] };
        let report = ledger(options, std::future::pending(), |_| ()).await.expect("measured").expect("whole");
        let with = |jobs: u64| report.measured.iter().filter(move |one| one.number("jobs") == Some(jobs));
        let names = |jobs| with(jobs).map(|one| one.what).collect::<Vec<_>>();
        let all = ["submit", "submit", "look-up", "open", "disk"];
        assert_eq!((names(FEW), names(FEW + 200)), (all.to_vec(), all.to_vec()));
        assert!(with(FEW).all(|one| one.slower.is_none()));
        assert!(with(FEW + 200).all(|one| one.slower.is_some()));
        assert_eq!(report.measured[report.headline].number("jobs"), Some(FEW + 200));
    }

    #[tokio::test]
    async fn a_run_that_is_stopped_finds_nothing() {
        let options = LedgerOptions { jobs: FEW, count: 1, at_once: vec![1] };
        assert!(ledger(options, std::future::ready(()), |_| ()).await.expect("stopped").is_none());
    }
}
