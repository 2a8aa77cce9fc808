//! What an idle minion takes of memory: on the overlord, in a swarm, and in a process of its own.

use std::path::PathBuf;
use std::pin::pin;
use std::time::Duration;

use tokio::time::sleep;

use super::bare::Peers;
use super::error::BenchError;
use super::report::{Floor, Measured, Report};
use super::trial::{Selection, Setup, Trial, with_trial};
use super::vitals::Vitals;

/// What to measure.
#[derive(Clone, Debug)]
pub struct MemoryOptions {
    /// How many minions of a swarm: two at least.
    pub minions: u16,
    /// For how long nothing happens before it is looked.
    pub settle: Duration,
    /// The folder of modules; the module `test` alone where nothing is said.
    pub modules: Option<PathBuf>,
}

/// Resident bytes of one moment.
#[derive(Clone, Copy, Default)]
struct Resident {
    overlord: f64,
    minions: f64,
}

/// What bare connections take at either end, as many as there are minions.
struct Bare {
    /// In the process that listens, which is this one.
    listening: f64,
    /// In the process that dialled.
    dialling: f64,
}

/// Measures with one minion in a process, with a swarm of one, and with a swarm of all. `None` where `stop` came first.
pub async fn memory(
    options: MemoryOptions,
    stop: impl Future<Output = ()>,
) -> Result<Option<Report>, BenchError> {
    let mut stop = pin!(stop);
    let (all, modules) = (options.minions, &options.modules);
    let of_process = async |trial: Trial<'_, '_>| idle(&trial, options.settle).await;
    let process = Setup::plain(1, modules.clone()).with(Selection::Named);
    let Some(process) = with_trial(process, &mut stop, of_process, async |it, _| Ok(it)).await? else {
        return Ok(None);
    };
    let one = Setup::swarm(1, modules.clone());
    let of_one = async |trial: Trial<'_, '_>| {
        Ok((idle(&trial, options.settle).await?, bare(&trial, 1, options.settle).await?))
    };
    let Some((one, bare_one)) = with_trial(one, &mut stop, of_one, async |it, _| Ok(it)).await? else {
        return Ok(None);
    };
    let swarm = Setup::swarm(all, modules.clone());
    let of_all = async |trial: Trial<'_, '_>| {
        Ok((idle(&trial, options.settle).await?, bare(&trial, all, options.settle).await?))
    };
    let Some((many, bare_many)) = with_trial(swarm, &mut stop, of_all, async |it, _| Ok(it)).await? else {
        return Ok(None);
    };
    let each = |many: f64, one: f64| (many - one).max(0.0) / f64::from(all - 1);
    let row = |what, many: f64, one: f64, bare_many: f64, bare_one: f64| {
        let figures = vec![("each", each(many, one)), ("one", one), ("all", many)];
        let floor = vec![("each", each(bare_many, bare_one)), ("one", bare_one), ("all", bare_many)];
        Measured::bytes(what, figures, "each").over(Floor { figures: floor, rate: None })
    };
    Ok(Some(Report {
        bench: "memory",
        given: vec![("minions", all.into())],
        measured: vec![
            row("overlord", many.overlord, one.overlord, bare_many.listening, bare_one.listening),
            row("swarm", many.minions, one.minions, bare_many.dialling, bare_one.dialling),
            Measured::bytes("process", vec![("one", process.minions)], "one"),
        ],
        headline: 0,
        floors: Vec::new(),
    }))
}

/// What the daemons take once nothing has happened for a while.
async fn idle(trial: &Trial<'_, '_>, settle: Duration) -> Result<Resident, BenchError> {
    sleep(settle).await;
    let of = |daemon: Option<&Vitals>| daemon.map(|daemon| daemon.resident as f64).unwrap_or_default();
    let daemons = trial.vitals()?;
    Ok(Resident { overlord: of(daemons.first()), minions: of(daemons.get(1)) })
}

/// What so many bare connections take, of which each has been asked for an echo.
async fn bare(trial: &Trial<'_, '_>, minions: u16, settle: Duration) -> Result<Bare, BenchError> {
    let own = || {
        Vitals::of(std::process::id())
            .map_err(|source| BenchError::Process { name: "this program".into(), source })
    };
    let before = own()?;
    let peers = Peers::connect(trial, minions.into()).await?;
    sleep(settle).await;
    let listening = own()?.resident.saturating_sub(before.resident) as f64;
    let dialling = peers.vitals()?.resident as f64;
    peers.stop().await;
    Ok(Bare { listening, dialling })
}
