//! Many small jobs in a row: do the daemons stay as they are?

use std::path::{Path, PathBuf};
use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use tokio::time::Instant;

use super::error::BenchError;
use super::job::{self, Record};
use super::statistics::rate;
use super::trial::{Setup, Trial, with_trial};
use super::verdict::{Growth, judge};
use super::vitals::Vitals;

/// What to run.
#[derive(Clone, Debug)]
pub struct SoakOptions {
    /// How many jobs.
    pub jobs: u64,
    /// On how many minions each.
    pub minions: u16,
    /// How many at once.
    pub in_flight: usize,
    /// The folder of modules; the usual ones where nothing is said.
    pub modules: Option<PathBuf>,
}

/// How the daemons are after some of the jobs, while none runs.
#[derive(Clone, Debug)]
pub struct Sample {
    /// How many jobs are done.
    pub jobs: u64,
    /// Since the first of them.
    pub elapsed: Duration,
    /// Jobs a second since the last sample.
    pub rate: f64,
    /// What each daemon takes.
    pub daemons: Vec<Vitals>,
}

/// What a soak run found.
#[derive(Clone, Debug)]
pub struct Soak {
    /// The names of the daemons, the overlord first; other lists are in this order.
    pub names: Vec<String>,
    /// One sample before the first job, then one after each twentieth of them.
    pub samples: Vec<Sample>,
    /// How many jobs did not end as `ok` on all minions.
    pub not_ok: u64,
    /// The first of those, in words.
    pub first_not_ok: Option<String>,
    /// What each daemon has on disk, which grows by design.
    pub disk: Vec<Disk>,
    /// How what each daemon takes grew.
    pub growth: Vec<Vec<Growth>>,
}

/// What a daemon has on disk: ledger, audit log, log, compiled modules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Disk {
    /// Bytes before the first job.
    pub before: u64,
    /// Bytes after the last one.
    pub after: u64,
}

impl Soak {
    /// Whether all daemons stayed flat and all jobs ended well.
    pub fn is_flat(&self) -> bool {
        self.not_ok == 0 && self.growth.iter().flatten().all(Growth::is_flat)
    }

    /// Jobs a second over the whole run.
    pub fn rate(&self) -> f64 {
        self.samples.last().map_or(0.0, |last| rate(last.jobs, last.elapsed))
    }
}

/// Runs the jobs, telling `watch` of each sample. `None` where `stop` came first.
pub async fn soak(
    options: SoakOptions,
    stop: impl Future<Output = ()>,
    mut watch: impl FnMut(&Sample),
) -> Result<Option<Soak>, BenchError> {
    let setup = Setup::plain(options.minions, options.modules.clone());
    let work = async |trial: Trial<'_, '_>| run(&options, &trial, &mut watch).await;
    with_trial(setup, stop, work, async |soak, _| Ok(soak)).await
}

async fn run(
    options: &SoakOptions,
    trial: &Trial<'_, '_>,
    watch: &mut impl FnMut(&Sample),
) -> Result<Soak, BenchError> {
    let names = trial.names();
    let before: Vec<u64> = names.iter().map(|name| bytes_in(&trial.dir.join(name))).collect();
    let start = Sample { jobs: 0, elapsed: Duration::ZERO, rate: 0.0, daemons: trial.vitals()? };
    let mut samples = vec![start];
    let (mut not_ok, mut first_not_ok) = (0, None);
    let began = Instant::now();
    let mut done = 0;
    for round in 1..=ROUNDS {
        let (round_began, upto) = (Instant::now(), options.jobs * round / ROUNDS);
        let failures = jobs(trial, upto - done, options.in_flight).await?;
        not_ok += failures.len() as u64;
        first_not_ok = first_not_ok.or(failures.into_iter().next());
        samples.push(Sample {
            jobs: upto,
            elapsed: began.elapsed(),
            rate: rate(upto - done, round_began.elapsed()),
            daemons: trial.vitals()?,
        });
        done = upto;
        samples.last().into_iter().for_each(&mut *watch);
    }
    let disk = |(name, before): (&String, u64)| Disk { before, after: bytes_in(&trial.dir.join(name)) };
    let of_daemon = |n: usize| samples.iter().map(|sample| sample.daemons[n]).collect::<Vec<_>>();
    Ok(Soak {
        disk: names.iter().zip(before).map(disk).collect(),
        growth: (0..names.len()).map(|n| judge(&of_daemon(n))).collect(),
        names,
        samples,
        not_ok,
        first_not_ok,
    })
}

/// Runs so many jobs, and returns in words which did not end as `ok`.
async fn jobs(trial: &Trial<'_, '_>, count: u64, in_flight: usize) -> Result<Vec<String>, BenchError> {
    let one = |_| job::finished(&trial.client, job::call("test.ping", Vec::new(), Record::Lazy));
    let outcomes = stream::iter(0..count).map(one).buffer_unordered(in_flight);
    let failures = outcomes.try_filter_map(async |document| Ok(job::not_ok(&document)));
    Ok(failures.try_collect().await?)
}

/// Bytes that the files below a folder take on disk. What vanishes meanwhile counts nothing.
fn bytes_in(dir: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt as _;

    let Ok(entries) = dir.read_dir() else { return 0 };
    let bytes = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => bytes_in(&entry.path()),
        // Files that are made large in advance take less than their length says.
        Ok(metadata) => metadata.blocks() * 512,
        Err(_) => 0,
    };
    entries.flatten().map(bytes).sum()
}

const ROUNDS: u64 = 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_on_disk_counts_all_folders_below() {
        let dir = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(dir.path().join("below")).expect("made");
        std::fs::write(dir.path().join("below/file"), vec![1; 10_000]).expect("written");
        assert!(bytes_in(dir.path()) >= 10_000);
        assert_eq!(bytes_in(&dir.path().join("missing")), 0);
    }
}
