//! How fast the overlord lets peers in: operators who come anew, and all its minions after it was killed.

use std::path::PathBuf;
use std::time::Duration;

use tokio::time::{Instant, sleep};
use wire::transport::echo::MESSAGE;

use super::bare::Peers;
use super::call::measure;
use super::echo::Echo;
use super::error::BenchError;
use super::fanout::{figures, medians};
use super::report::{Floor, Measured, Report, milliseconds};
use super::trial::{Setup, Trial, with_trial};
use overlord::client::{Client, ClientConfig};
use overlord::dev::DevError;

/// What to measure.
#[derive(Clone, Debug)]
pub struct ConnectOptions {
    /// How many minions come back.
    pub minions: u16,
    /// How many operators come.
    pub handshakes: u64,
    /// How many of them at once.
    pub at_once: usize,
    /// The folder of modules; the module `test` alone where nothing is said.
    pub modules: Option<PathBuf>,
}

/// Measures both. `None` where `stop` came first.
pub async fn connect(
    options: ConnectOptions,
    stop: impl Future<Output = ()>,
) -> Result<Option<Report>, BenchError> {
    let setup = Setup::swarm(options.minions, options.modules.clone());
    let work = async |mut trial: Trial<'_, '_>| run(&options, &mut trial).await;
    with_trial(setup, stop, work, async |report, _| Ok(report)).await
}

async fn run(options: &ConnectOptions, trial: &mut Trial<'_, '_>) -> Result<Report, BenchError> {
    let operators = operators(options, trial).await?;
    let peers = Peers::connect(trial, options.minions.into()).await?;
    // The first of them had to wait for the process, which is no handshake.
    let first = peers.connected.iter().min().copied().unwrap_or_default();
    let bare = figures(peers.connected.iter().map(|time| *time - first).collect());
    peers.stop().await;
    let (served, back) = come_back(trial, options.minions.into()).await?;
    let mut back = Measured::times("back", medians(&[figures(back)]), "last");
    back.figures.insert(0, ("served", milliseconds(served)));
    let back = back.over(Floor { figures: medians(&[bare]), rate: None });
    Ok(Report {
        bench: "connect",
        given: vec![("minions", options.minions.into()), ("count", options.handshakes)],
        measured: vec![operators, back],
        headline: 1,
        floors: Vec::new(),
    })
}

/// Operators who come, are let in, and go.
async fn operators(options: &ConnectOptions, trial: &Trial<'_, '_>) -> Result<Measured, BenchError> {
    let (count, at_once) = (options.handshakes, options.at_once);
    let echo = Echo::start(&trial.folder, MESSAGE).await?;
    let bare = measure("handshake", count, at_once, async || echo.handshake(&trial.folder).await).await?;
    let config = ClientConfig::new(trial.folder.clone(), None)?;
    let come = async || {
        Client::connect(&config).await?.close().await;
        Ok(())
    };
    let come = measure("operator", count, at_once, come).await?;
    let rate = bare.rate.map(|rate| (rate, bare.what));
    Ok(come.over(Floor { figures: bare.figures, rate }))
}

/// Kills the overlord and starts it again: when it served, and when each minion was back, since its start.
async fn come_back(
    trial: &mut Trial<'_, '_>,
    minions: usize,
) -> Result<(Duration, Vec<Duration>), BenchError> {
    trial.fleet.kill(0).await?;
    let began = Instant::now();
    trial.fleet.restart(0)?;
    let config = ClientConfig::new(trial.folder.clone(), None)?;
    let client = loop {
        match Client::connect(&config).await {
            Ok(client) => break client,
            Err(error) if began.elapsed() > PATIENCE => return Err(error.into()),
            Err(_) => sleep(LOOK).await,
        }
    };
    let (served, mut back) = (began.elapsed(), Vec::new());
    while back.len() < minions {
        let connected = client.status().await?.connected.min(minions);
        // A minion that is lost again has been back all the same.
        back.resize(connected.max(back.len()), began.elapsed());
        if began.elapsed() > PATIENCE {
            let (what, log) = (format!("the return of {minions} minions"), format!("{connected} were back"));
            return Err(DevError::Slow { what, log }.into());
        }
        sleep(LOOK).await;
    }
    client.close().await;
    Ok((served, back))
}

/// How often it is looked how many are back.
const LOOK: Duration = Duration::from_millis(5);

const PATIENCE: Duration = Duration::from_secs(300);
