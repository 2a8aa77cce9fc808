//! How long a call to many minions takes until the first, half, nearly all and all have answered.

use std::path::PathBuf;
use std::time::Duration;

use tokio::time::Instant;
use wire::message::link::JobUpdate;
use wire::message::operator::Follow;
use wire::transport::echo::MESSAGE;

use super::bare::Peers;
use super::error::BenchError;
use super::job::{self, Record};
use super::report::{Figures, Floor, Measured, Report, milliseconds};
use super::statistics::{at, median};
use super::trial::{Setup, Trial, with_trial};
use overlord::client::{ClientError, JobEvent};

/// What to measure.
#[derive(Clone, Debug)]
pub struct FanoutOptions {
    /// On how many minions, one measurement after the other.
    pub minions: Vec<u16>,
    /// How many calls of each, of which the median counts.
    pub rounds: u32,
    /// The folder of modules; the module `test` alone where nothing is said.
    pub modules: Option<PathBuf>,
}

/// Measures each number of minions with a swarm of its own, telling `watch` of each before it begins. `None` where
/// `stop` came first.
pub async fn fanout(
    options: FanoutOptions,
    stop: impl Future<Output = ()>,
    mut watch: impl FnMut(u16),
) -> Result<Option<Report>, BenchError> {
    let mut stop = std::pin::pin!(stop);
    let mut measured = Vec::new();
    for &minions in &options.minions {
        watch(minions);
        let setup = Setup::swarm(minions, options.modules.clone());
        let work = async |trial: Trial<'_, '_>| run(&trial, minions, options.rounds).await;
        match with_trial(setup, &mut stop, work, async |one, _| Ok(one)).await? {
            Some(one) => measured.push(one),
            None => return Ok(None),
        }
    }
    let headline = measured.len().saturating_sub(1);
    let minions = options.minions.last().copied().unwrap_or_default();
    let given = vec![("minions", minions.into()), ("rounds", options.rounds.into())];
    Ok(Some(Report { bench: "fanout", given, measured, headline, floors: Vec::new() }))
}

async fn run(trial: &Trial<'_, '_>, minions: u16, rounds: u32) -> Result<Measured, BenchError> {
    let peers = Peers::connect(trial, minions.into()).await?;
    // The first calls pay for caches that stay.
    call_all(trial, minions).await?;
    peers.ask_all(&[7; MESSAGE]).await?;
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        // In turn, so that what disturbs the host disturbs both.
        bare.push(figures(peers.ask_all(&[7; MESSAGE]).await?));
        ours.push(figures(call_all(trial, minions).await?));
    }
    peers.stop().await;
    let floor = Floor { figures: medians(&bare), rate: None };
    Ok(Measured::times("call", medians(&ours), "last").with("minions", minions.into()).over(floor))
}

/// Calls `test.ping` on all, and says after which time each outcome was there.
async fn call_all(trial: &Trial<'_, '_>, minions: u16) -> Result<Vec<Duration>, BenchError> {
    let began = Instant::now();
    let call = job::call("test.ping", Vec::new(), Record::Lazy);
    let mut events = trial.client.call(call, Follow::Outcomes).await?;
    let (mut times, mut document) = (Vec::new(), None);
    while let Some(event) = events.next().await? {
        match event {
            JobEvent::Update(update) if matches!(update.update, JobUpdate::Finished { .. }) => {
                times.push(began.elapsed());
            }
            JobEvent::Document(last) => document = Some(last),
            _ => {}
        }
    }
    let document = document.ok_or(ClientError::Unexpected)?;
    if let Some(problem) = job::not_ok(&document) {
        return Err(BenchError::NotOk(problem));
    }
    if times.len() != usize::from(minions) {
        return Err(BenchError::NotOk(format!("{} outcomes of {minions}", times.len())));
    }
    Ok(times)
}

/// When the first, half, 99 of 100 and the last had answered.
pub(super) fn figures(mut times: Vec<Duration>) -> [f64; 4] {
    times.sort_unstable();
    let first = times.first().copied().unwrap_or_default();
    [first, at(&times, 500), at(&times, 990), at(&times, 1000)].map(milliseconds)
}

pub(super) fn medians(rounds: &[[f64; 4]]) -> Figures {
    let of = |place: usize| median(rounds.iter().map(|round| round[place]).collect());
    NAMES.into_iter().enumerate().map(|(place, name)| (name, of(place))).collect()
}

const NAMES: [&str; 4] = ["first", "half", "p99", "last"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fan_out_is_told_by_four_of_its_answers_and_by_the_median_of_its_rounds() {
        let round = |factor: u64| figures((1..=200).map(|n| Duration::from_millis(n * factor)).collect());
        assert_eq!(round(1), [1.0, 100.0, 198.0, 200.0]);
        let medians = medians(&[round(1), round(50), round(2)]);
        assert_eq!(medians, [("first", 2.0), ("half", 200.0), ("p99", 396.0), ("last", 400.0)]);
    }
}
