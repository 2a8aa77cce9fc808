//! Daemons that are killed while jobs are in flight: is every promise kept?

use std::cell::{Cell, RefCell};
use std::path::{Path, PathBuf};
use std::time::Duration;

use fastrand::Rng;
use futures::future::join_all;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use wire::job::{JobId, OutcomeKind};
use wire::operator::{Follow, RefusalKind};
use wire::value::Value;

use super::error::BenchError;
use super::job::{self, Record};
use super::promises::{Ending, Violation, Witness, broken};
use super::trial::{Trial, with_trial};
use crate::client::{Client, ClientConfig, ClientError, JobEvent};
use crate::folder::Folder;

/// What to do to the daemons.
#[derive(Clone, Debug)]
pub struct CrashOptions {
    /// How many times a daemon is killed.
    pub kills: u64,
    /// How many minions there are.
    pub minions: u16,
    /// Where the random choices begin.
    pub seed: u64,
    /// The folder of modules; the usual ones where nothing is said.
    pub modules: Option<PathBuf>,
}

/// What a crash run found.
#[derive(Clone, Debug)]
pub struct Crash {
    /// Where the random choices began.
    pub seed: u64,
    /// How often the overlord was killed.
    pub overlord_kills: u64,
    /// How often a minion was killed.
    pub minion_kills: u64,
    /// How many jobs the overlord said that it had accepted.
    pub accepted: usize,
    /// How many calls came to nothing before anyone said so, because the overlord was gone.
    pub not_accepted: u64,
    /// How many parts of jobs ended in each outcome, in the order of first appearance.
    pub outcomes: Vec<(OutcomeKind, usize)>,
    /// Which promises were broken.
    pub violations: Vec<Violation>,
}

impl Crash {
    /// Whether there was something to keep a promise about, and all were kept.
    pub fn is_clean(&self) -> bool {
        self.accepted > 0 && self.violations.is_empty()
    }
}

/// Kills and restarts daemons while durable jobs are in flight, telling `watch` of each kill, and then compares
/// what the overlord says of every accepted job with what each minion has on record. `None` where `stop`
/// came first.
pub async fn crash(
    options: CrashOptions,
    stop: impl Future<Output = ()>,
    mut watch: impl FnMut(u64, &str),
) -> Result<Option<Crash>, BenchError> {
    let modules = options.modules.clone();
    let work = async |trial: Trial<'_, '_>| run(&options, trial, &mut watch).await;
    with_trial(options.minions, modules, stop, work, check).await
}

/// A run as far as its daemons have lived through it.
struct Run {
    crash: Crash,
    minions: Vec<String>,
    endings: Vec<Ending>,
}

async fn run(
    options: &CrashOptions,
    mut trial: Trial<'_, '_>,
    watch: &mut impl FnMut(u64, &str),
) -> Result<Run, BenchError> {
    let names = trial.names();
    let folder = trial.folder.clone();
    let calls = Calls::default();
    let submitters = join_all((1..=SUBMITTERS).map(|n| {
        let random = Rng::with_seed(options.seed.wrapping_add(n));
        calls.submit(&folder, random)
    }));
    let killing = async {
        let killed = kill(options, &mut trial, &names, watch).await;
        calls.enough.cancel();
        killed
    };
    let (kills, _) = tokio::join!(killing, submitters);
    let (overlord_kills, minion_kills) = kills?;

    let deadline = Instant::now() + PATIENCE;
    let client = back(&folder, deadline).await?;
    trial.fleet.all_ready(&client, usize::from(options.minions)).await?;
    let accepted = calls.accepted.into_inner();
    let mut endings = Vec::new();
    for job in &accepted {
        endings.push(ending(&client, *job, deadline).await?);
    }
    client.close().await;
    let crash = Crash {
        seed: options.seed,
        overlord_kills,
        minion_kills,
        accepted: accepted.len(),
        not_accepted: calls.not_accepted.get(),
        outcomes: outcomes(&endings),
        violations: Vec::new(),
    };
    Ok(Run { crash, minions: names.into_iter().skip(1).collect(), endings })
}

/// Kills and restarts one daemon after the other. Returns how often it was the overlord, and a minion.
async fn kill(
    options: &CrashOptions,
    trial: &mut Trial<'_, '_>,
    names: &[String],
    watch: &mut impl FnMut(u64, &str),
) -> Result<(u64, u64), BenchError> {
    let mut random = Rng::with_seed(options.seed);
    let (mut overlord, mut minion) = (0, 0);
    for kill in 1..=options.kills {
        sleep(Duration::from_millis(random.u64(..UP_MS))).await;
        // The overlord has more promises to break than one minion of many.
        let number = if random.u8(..3) == 0 { 0 } else { random.usize(1..names.len()) };
        trial.fleet.kill(number).await?;
        *if number == 0 { &mut overlord } else { &mut minion } += 1;
        watch(kill, &names[number]);
        sleep(Duration::from_millis(random.u64(..DOWN_MS))).await;
        trial.fleet.restart(number)?;
    }
    Ok((overlord, minion))
}

/// What the operators of a run do and remember.
#[derive(Default)]
struct Calls {
    accepted: RefCell<Vec<JobId>>,
    not_accepted: Cell<u64>,
    enough: CancellationToken,
}

impl Calls {
    /// Makes calls until it is enough, dialling again whenever the overlord is gone.
    async fn submit(&self, folder: &Folder, mut random: Rng) {
        while !self.enough.is_cancelled() {
            if let Ok(client) = connect(folder).await {
                self.submit_on(&client, &mut random).await;
            }
            sleep(POLL).await;
        }
    }

    async fn submit_on(&self, client: &Client, random: &mut Rng) {
        while !self.enough.is_cancelled() {
            let mut call =
                job::call("test.sleep", vec![Value::Unsigned(random.u64(..LONGEST_MS))], Record::Durable);
            call.queue_ms = random.bool().then_some(QUEUE_MS);
            match accepted(client, call).await {
                Ok(job) => self.accepted.borrow_mut().push(job),
                Err(_) => {
                    self.not_accepted.set(self.not_accepted.get() + 1);
                    return;
                }
            }
            sleep(Duration::from_millis(random.u64(..PAUSE_MS))).await;
        }
    }
}

async fn connect(folder: &Folder) -> Result<Client, ClientError> {
    Client::connect(&ClientConfig::new(folder.clone(), None)?).await
}

async fn accepted(client: &Client, call: wire::operator::Call) -> Result<JobId, ClientError> {
    match client.call(call, Follow::No).await?.next().await? {
        Some(JobEvent::Accepted { job, .. }) => Ok(job),
        _ => Err(ClientError::Unexpected),
    }
}

/// Waits until the overlord answers.
async fn back(folder: &Folder, deadline: Instant) -> Result<Client, BenchError> {
    loop {
        match connect(folder).await {
            Ok(client) => return Ok(client),
            Err(error) if Instant::now() > deadline => return Err(error.into()),
            Err(_) => sleep(POLL).await,
        }
    }
}

/// Waits until a job is over or it is too late, and says how it is then.
async fn ending(client: &Client, job: JobId, deadline: Instant) -> Result<Ending, BenchError> {
    loop {
        match client.job(&job.to_string()).await {
            Ok(document) if document.state.is_over() || Instant::now() > deadline => {
                return Ok(Ending { job, document: Some(document) });
            }
            Ok(_) => sleep(POLL).await,
            Err(ClientError::Refusal(refusal)) if refusal.kind == RefusalKind::NotFound => {
                return Ok(Ending { job, document: None });
            }
            Err(error) => return Err(error.into()),
        }
    }
}

fn outcomes(endings: &[Ending]) -> Vec<(OutcomeKind, usize)> {
    let mut all: Vec<(OutcomeKind, usize)> = Vec::new();
    let counts = endings.iter().filter_map(|ending| ending.document.as_ref()).flat_map(|job| job.counts());
    for (kind, count) in counts {
        match all.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, sum)) => *sum += count,
            None => all.push((kind, count)),
        }
    }
    all
}

/// Compares with what the stopped minions left.
async fn check(run: Run, dir: &Path) -> Result<Crash, BenchError> {
    let mut witnesses = Vec::new();
    for minion in &run.minions {
        witnesses.push(Witness::read(minion, &dir.join(minion), &run.endings).await?);
    }
    let violations = run.endings.iter().flat_map(|ending| broken(ending, &witnesses)).collect();
    Ok(Crash { violations, ..run.crash })
}

/// How many operators make calls at once.
const SUBMITTERS: u64 = 4;

/// How long a job takes at most.
const LONGEST_MS: u64 = 200;

/// How long an operator rests at most.
const PAUSE_MS: u64 = 100;

/// How long a call that may wait does so for minions that are gone.
const QUEUE_MS: u64 = 30_000;

/// How long all daemons are up at most before the next one is killed: some have hardly started.
const UP_MS: u64 = 1500;

/// How long a daemon is gone at most.
const DOWN_MS: u64 = 400;

/// How long after the last kill everything must be over.
const PATIENCE: Duration = Duration::from_secs(180);

const POLL: Duration = Duration::from_millis(50);
