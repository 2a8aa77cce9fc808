//! Daemons that are killed while jobs are in flight: is every promise kept?

mod history;
mod kills;
mod operators;
mod promises;
#[cfg(test)]
mod sample;
mod violation;
mod witness;

use std::path::Path;
use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use tokio::time::{Instant, sleep};
use wire::message::job::{JobId, JobState, OutcomeKind};
use wire::message::operator::{JobFilter, RefusalKind};

use super::error::BenchError;
use super::trial::{Setup, Trial, with_trial};
use overlord::client::{Client, ClientError};
use overlord::folder::Folder;

pub use self::kills::{CrashOptions, Kills};
pub use self::violation::Violation;

use self::history::Ending;
use self::operators::{Fate, Operators, POLL, Submission, connect};
use self::promises::broken;
use self::witness::Witness;

/// What a crash run found.
#[derive(Clone, Debug)]
pub struct Crash {
    /// Where the random choices began.
    pub seed: u64,
    /// Who was killed how often.
    pub kills: Kills,
    /// How many jobs the overlord said that it had accepted.
    pub accepted: usize,
    /// How many calls it refused, mostly because no minion was known to have the method at that moment.
    pub refused: usize,
    /// How many calls came to nothing before anyone said what becomes of them: the overlord was gone.
    pub untold: usize,
    /// How many parts of jobs ended in each outcome, in the order of first appearance.
    pub outcomes: Vec<(OutcomeKind, usize)>,
    /// How many lines guests wrote, all minions together.
    pub lines: usize,
    /// Which promises were broken.
    pub violations: Vec<Violation>,
}

impl Crash {
    /// Whether there was something to keep a promise about, and all were kept.
    pub fn is_clean(&self) -> bool {
        self.accepted > 0 && self.lines > 0 && self.violations.is_empty()
    }
}

/// Kills and restarts daemons while jobs are in flight, telling `watch` after each kill how many there were and
/// how many jobs were accepted, and then compares what the overlord says of every accepted job with what each
/// minion has on record and with what its guest did. `None` where `stop` came first.
pub async fn crash(
    options: CrashOptions,
    stop: impl Future<Output = ()>,
    mut watch: impl FnMut(u64, usize),
) -> Result<Option<Crash>, BenchError> {
    let plain = Setup::plain(options.minions, options.modules.clone());
    let setup = Setup { prepare: witness::grant_a_folder, ..plain };
    let work = async |trial: Trial<'_, '_>| run(&options, trial, &mut watch).await;
    with_trial(setup, stop, work, check).await
}

/// A run as far as its daemons have lived through it.
struct Run {
    seed: u64,
    kills: Kills,
    minions: Vec<String>,
    submissions: Vec<Submission>,
    endings: Vec<Ending>,
    /// What is not over when everything must be.
    open: Vec<(JobId, JobState)>,
}

async fn run(
    options: &CrashOptions,
    trial: Trial<'_, '_>,
    watch: &mut impl FnMut(u64, usize),
) -> Result<Run, BenchError> {
    let minions: Vec<String> = trial.names().into_iter().skip(1).collect();
    let operators = Operators::new(trial.folder.clone(), minions.clone());
    operators.calm(&trial.client, FIRST).await?;
    if let Some(problem) = operators.not_ok() {
        return Err(BenchError::NotOk(problem));
    }

    let killing = async {
        let killed = kills::kill(options, trial.fleet, &operators, watch).await;
        operators.dismiss();
        killed
    };
    let (kills, ()) = tokio::join!(killing, operators.work(options.seed));
    let kills = kills?;

    let deadline = Instant::now() + PATIENCE;
    let client = back(&trial.folder, deadline).await?;
    trial.fleet.all_ready(&client, minions.len()).await?;
    operators.calm(&client, LAST).await?;
    let submissions = operators.into_submissions();
    let open = open(&client, deadline).await?;
    let jobs = submissions.iter().filter_map(|submission| submission.fate.job());
    let endings = stream::iter(jobs).map(|job| ending(&client, job)).buffered(AT_ONCE);
    let endings = endings.try_collect().await?;
    client.close().await;
    Ok(Run { seed: options.seed, kills, minions, submissions, endings, open })
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

/// Waits until all jobs are over, also those that nobody was told of, and gives those that are not when it is
/// too late.
async fn open(client: &Client, deadline: Instant) -> Result<Vec<(JobId, JobState)>, BenchError> {
    loop {
        let mut open = Vec::new();
        for state in [JobState::Running, JobState::Partial] {
            let filter = JobFilter { state: Some(state), ..JobFilter::default() };
            let jobs = client.jobs(filter, LISTED).await?;
            open.extend(jobs.into_iter().map(|job| (job.job, job.state)));
        }
        if open.is_empty() || Instant::now() > deadline {
            return Ok(open);
        }
        sleep(POLL).await;
    }
}

/// What the overlord says of a job in the end.
async fn ending(client: &Client, job: JobId) -> Result<Ending, BenchError> {
    let id = job.to_string();
    Ok(Ending { job, document: known(client.job(&id).await)?, history: known(client.history(&id).await)? })
}

fn known<T>(answer: Result<T, ClientError>) -> Result<Option<T>, ClientError> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(ClientError::Refusal(refusal)) if refusal.kind == RefusalKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Compares with what the stopped minions left.
async fn check(run: Run, dir: &Path) -> Result<Crash, BenchError> {
    let mut witnesses = Vec::new();
    for minion in &run.minions {
        witnesses.push(Witness::read(minion, &dir.join(minion), &run.endings).await?);
    }
    let count = |wanted: Fate| run.submissions.iter().filter(|submission| submission.fate == wanted).count();
    Ok(Crash {
        seed: run.seed,
        kills: run.kills,
        accepted: run.endings.len(),
        refused: count(Fate::Refused),
        untold: count(Fate::Untold),
        outcomes: outcomes(&run.endings),
        lines: witnesses.iter().map(Witness::line_count).sum(),
        violations: broken(&run.submissions, &run.endings, &run.open, &witnesses),
    })
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

/// How many calls must work before the first kill.
const FIRST: usize = 1;

/// How many calls must work after the last one.
const LAST: usize = 10;

/// How long after the last kill everything must be over.
const PATIENCE: Duration = Duration::from_secs(180);

/// How many jobs are asked for at once in the end.
const AT_ONCE: usize = 16;

/// How many jobs that are not over are named at most.
const LISTED: usize = 1000;
