//! How long a large module takes to many minions.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use tokio::time::Instant;
use wire::message::catalogue::{PushOptions as Wanted, UnlessAll};
use wire::message::operator::Target;
use wire::name::ModuleName;

use super::bare::{Peers, durations, measure_with, output, threads};
use super::error::BenchError;
use super::fanout::{figures, medians};
use super::report::{Floor, Measured, Report, milliseconds};
use super::statistics::median;
use super::trial::{Selection, Setup, Trial, with_trial};
use overlord::client::{ModuleEvent, ModuleFile};
use overlord::dev::DevError;

/// What to measure.
#[derive(Clone, Debug)]
pub struct PushOptions {
    /// To how many minions, each in a process of its own.
    pub minions: u16,
    /// How many bytes the module has: those of `test` and what is added to them.
    pub bytes: u64,
    /// How many pushes, of which the median counts.
    pub rounds: u32,
    /// The folder that has the module `test`; the usual one where nothing is said.
    pub modules: Option<PathBuf>,
}

/// Measures it. `None` where `stop` came first.
pub async fn push(
    options: PushOptions,
    stop: impl Future<Output = ()>,
) -> Result<Option<Report>, BenchError> {
    let setup = Setup::plain(options.minions, options.modules.clone()).with(Selection::Test);
    let work = async |trial: Trial<'_, '_>| run(&options, &trial).await;
    with_trial(setup, stop, work, async |report, _| Ok(report)).await
}

async fn run(options: &PushOptions, trial: &Trial<'_, '_>) -> Result<Report, BenchError> {
    let file = trial.test_module();
    let module = std::fs::read(&file).map_err(DevError::system(format!("read \"{}\"", file.display())))?;
    let peers = Peers::connect(trial, options.minions.into()).await?;
    let (mut ours, mut bare, mut compiled) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..options.rounds {
        let bytes = padded(&module, options.bytes);
        bare.push(figures(peers.ask_all(&bytes).await?));
        compiled.push(compile(trial, &bytes).await?);
        ours.push(figures(push_all(trial, options.minions, bytes).await?));
    }
    peers.stop().await;
    // Each minion compiles what it gets, as many at a time as there are processors.
    let at_once = threads(options.minions.into());
    let turns = usize::from(options.minions).div_ceil(at_once) as f64;
    let compiling = median(compiled);
    let mut floor = medians(&bare);
    for (name, figure) in &mut floor {
        *figure += compiling * if *name == "first" { 1.0 } else { turns };
    }
    let pushed = Measured::times("push", medians(&ours), "last");
    Ok(Report {
        bench: "push",
        given: vec![
            ("minions", options.minions.into()),
            ("size_bytes", options.bytes),
            ("rounds", options.rounds.into()),
        ],
        measured: vec![pushed.over(Floor { figures: floor, rate: None })],
        headline: 0,
        floors: vec![
            Measured::times("echo", medians(&bare), "last"),
            Measured::times("compile", vec![("last", compiling)], "last"),
        ],
    })
}

/// Pushes to all, and says after which time each had it in service.
async fn push_all(trial: &Trial<'_, '_>, minions: u16, bytes: Vec<u8>) -> Result<Vec<Duration>, BenchError> {
    // Only a literal comes here.
    let name: ModuleName = NAME.parse().expect("the module that is pushed has the form of a name");
    let file = ModuleFile::new(name, bytes, None);
    let wanted = Wanted { unless_all: UnlessAll::Nowhere, downgrade: false, confirmed: true };
    let began = Instant::now();
    let mut events = trial.client.push_module(&file, Target::of("*"), wanted).await?;
    let mut times = Vec::new();
    while let Some(event) = events.next().await? {
        if let ModuleEvent::Ended(result) = event {
            match result.reason {
                Some(reason) if result.now != Some(file.offer().digest) => {
                    return Err(BenchError::NotOk(format!("\"{reason}\" on {}", result.minion)));
                }
                _ => times.push(began.elapsed()),
            }
        }
    }
    if times.len() != usize::from(minions) {
        return Err(BenchError::NotOk(format!("{} of {minions} minions have it", times.len())));
    }
    Ok(times)
}

/// How long the engine alone takes to compile it, in milliseconds.
async fn compile(trial: &Trial<'_, '_>, bytes: &[u8]) -> Result<f64, BenchError> {
    #[derive(Deserialize)]
    struct Said {
        bare: Times,
    }
    #[derive(Deserialize)]
    struct Times {
        compile: Vec<u64>,
    }
    let file = trial.dir.join("pushed.wasm");
    std::fs::write(&file, bytes).map_err(DevError::system(format!("write \"{}\"", file.display())))?;
    let mut command = measure_with(trial.programs.minion(), &file, "ping", "module");
    command.args(["--count", "1", "--loads", "1"]);
    let Said { bare } = output(command).await?;
    Ok(median(durations(bare.compile).into_iter().map(milliseconds).collect()))
}

/// A module with a section of random bytes behind its own, so that it has so many in all, and is another one each time.
fn padded(module: &[u8], size: u64) -> Vec<u8> {
    let size =
        usize::try_from(size).unwrap_or(usize::MAX).max(module.len() + 2 * MOST_NUMBER + SECTION.len());
    let content = size - module.len() - 1 - MOST_NUMBER;
    let mut bytes = module.to_vec();
    // A custom section: its id, its length in five bytes, its name with that name's length, and what it holds.
    bytes.push(0);
    let length = u32::try_from(content).unwrap_or(u32::MAX);
    bytes.extend((0..MOST_NUMBER as u32).map(|place| {
        let low = (length >> (7 * place)) as u8 & 0x7f;
        if place + 1 < MOST_NUMBER as u32 { low | 0x80 } else { low }
    }));
    bytes.push(SECTION.len() as u8);
    bytes.extend(SECTION.as_bytes());
    let filled = bytes.len();
    bytes.resize(size, 0);
    fastrand::Rng::new().fill(&mut bytes[filled..]);
    bytes
}

const NAME: &str = "pushed";

const SECTION: &str = "padding";

/// How many bytes a number of a module takes at the most.
const MOST_NUMBER: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_that_is_padded_has_its_size_and_says_how_long_its_last_section_is() {
        let module = [1, 2, 3];
        let padded = padded(&module, 10_000);
        assert_eq!((padded.len(), &padded[..3], padded[3]), (10_000, &module[..], 0));
        let length = (0..5).map(|place| usize::from(padded[4 + place] & 0x7f) << (7 * place)).sum::<usize>();
        assert_eq!(length, 10_000 - 3 - 1 - 5);
        assert_eq!(&padded[9..17], b"\x07padding");
    }
}
