//! What the other program measures of itself alone: the engine, and many connections that run a guest for each echo.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use futures::{StreamExt as _, stream};
use quinn::{Connection, Endpoint};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use wire::transport::allowance::Allowance;
use wire::transport::echo::{self, ASKED_ALPN, MESSAGE};
use wire::transport::endpoint::{self, CLOSE_DONE};

use super::echo::broke;
use super::error::BenchError;
use super::trial::Trial;
use super::vitals::Vitals;
use overlord::dev::DevError;

/// Times of a guest that only the engine ran, on one thread or on several at once.
pub(super) struct Guest {
    /// How many jobs a second, all threads together.
    pub(super) rate: f64,
    /// How long each took.
    pub(super) times: Vec<Duration>,
}

/// Runs `test.ping` with the engine alone, so many times or more.
pub(super) async fn guest(trial: &Trial<'_, '_>, count: u64, threads: usize) -> Result<Guest, BenchError> {
    #[derive(Deserialize)]
    struct Said {
        elapsed: [u64; 1],
        times: Vec<u64>,
    }
    // A job takes microseconds: in fewer of them the start of the threads would show.
    let count = count.max(JOBS);
    let mut command = measure(trial, "guest");
    command.args(["--count", &count.to_string(), "--threads", &threads.to_string()]);
    let Said { elapsed: [elapsed], times } = output(command).await?;
    let rate = super::statistics::rate(times.len() as u64, Duration::from_nanos(elapsed));
    Ok(Guest { rate, times: durations(times) })
}

/// How many threads of a guest run at once on this host, where so many jobs are under way.
pub(super) fn threads(at_once: usize) -> usize {
    std::thread::available_parallelism().map_or(1, usize::from).min(at_once)
}

/// Connections to a process that runs `test.ping` for each echo that it is asked for, with the certificate of a
/// minion of the trial.
pub(super) struct Peers {
    connections: Vec<Connection>,
    /// When each of them had shaken hands, since the process was started.
    pub(super) connected: Vec<Duration>,
    endpoint: Endpoint,
    child: Child,
}

impl Peers {
    /// Starts the process and waits until so many connections are there.
    pub(super) async fn connect(trial: &Trial<'_, '_>, count: usize) -> Result<Self, BenchError> {
        let authority = trial.folder.authority()?;
        let overlord = trial.folder.overlord_identity(&authority)?;
        let any = ([127, 0, 0, 1], 0).into();
        let endpoint = endpoint::listen(any, &overlord, overlord.authorities(), &[ASKED_ALPN])?;
        let address = endpoint.local_addr().map_err(broke)?;
        let mut command = measure(trial, "echoes");
        command.args(["--count", &count.to_string(), "--to", &address.to_string(), "--dir"]);
        command.arg(trial.fleet.folder_of_first()).stdin(Stdio::piped());
        let mut child = command.spawn().map_err(DevError::system("start the bare connections"))?;
        let connections = tokio::select! {
            connections = timeout(PATIENCE, accept(&endpoint, count)) => {
                connections.map_err(|_| broke("the connections took too long"))?
            }
            problem = early_end(&mut child) => return Err(problem),
        };
        let connected = timeout(PATIENCE, connected(&mut child)).await;
        let connected = connected.map_err(|_| broke("the connections took too long"))??;
        Ok(Self { connections, connected, endpoint, child })
    }

    /// Asks for an echo on all connections at once, and says after which time each answered.
    pub(super) async fn ask_all(&self, bytes: &[u8]) -> Result<Vec<Duration>, BenchError> {
        let began = Instant::now();
        let ask = |connection: &Connection| {
            let connection = connection.clone();
            async move { echo::ask(&connection, bytes, MESSAGE).await.map(|()| began.elapsed()).map_err(broke) }
        };
        let asked = stream::iter(self.connections.iter().map(ask)).buffer_unordered(self.connections.len());
        asked.collect::<Vec<_>>().await.into_iter().collect()
    }

    /// What the process takes at this moment.
    pub(super) fn vitals(&self) -> Result<Vitals, BenchError> {
        let of = |process| {
            Vitals::of(process)
                .map_err(|source| BenchError::Process { name: "the bare connections".into(), source })
        };
        of(self.child.id().unwrap_or_default())
    }

    /// Ends the process.
    pub(super) async fn stop(mut self) {
        // 1. It hears that nobody asks any more. 2. It ends by itself, or is made to.
        self.endpoint.close(CLOSE_DONE, b"done");
        drop(self.child.stdin.take());
        if timeout(GRACE, self.child.wait()).await.is_err() {
            // Fails only where it has ended in this moment.
            let _ = self.child.kill().await;
        }
    }
}

/// Accepts so many connections, as many at a time as come.
async fn accept(endpoint: &Endpoint, count: usize) -> Vec<Connection> {
    let (mut connections, mut shaking) = (Vec::new(), JoinSet::new());
    while connections.len() < count {
        tokio::select! {
            Some(incoming) = endpoint.accept() => drop(shaking.spawn(async { incoming.await.ok() })),
            Some(shaken) = shaking.join_next() => {
                let shaken = shaken.ok().flatten();
                shaken.iter().for_each(|connection| Allowance::MINION.give(connection));
                connections.extend(shaken);
            }
            else => break,
        }
    }
    connections
}

/// The times at which the process had its connections, which it says once it has them all.
async fn connected(child: &mut Child) -> Result<Vec<Duration>, BenchError> {
    #[derive(Deserialize)]
    struct Said {
        connected: Vec<u64>,
    }
    let mut line = String::new();
    if let Some(stdout) = &mut child.stdout {
        BufReader::new(stdout).read_line(&mut line).await.map_err(broke)?;
    }
    let said: Said = understood(&line)?;
    Ok(durations(said.connected))
}

/// What a process said that has ended before it should.
async fn early_end(child: &mut Child) -> BenchError {
    let mut said = String::new();
    if let Some(stderr) = &mut child.stderr {
        // What can be read of it will do.
        let _ = stderr.read_to_string(&mut said).await;
    }
    let _ = child.wait().await;
    BenchError::Bare(said.trim().to_owned())
}

fn measure(trial: &Trial<'_, '_>, what: &str) -> Command {
    measure_with(trial.programs.minion(), &trial.test_module(), METHOD, what)
}

/// The command that measures this with a method of a module.
pub(super) fn measure_with(minion: &Path, module: &Path, method: &str, what: &str) -> Command {
    let mut command = Command::new(minion);
    command.args(["measure", what]).arg(module).arg(method);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // A group of its own: Ctrl-C is for us.
    command.kill_on_drop(true).process_group(0);
    command
}

/// Runs a command to its end, and reads what it printed.
pub(super) async fn output<T: DeserializeOwned>(mut command: Command) -> Result<T, BenchError> {
    // What it puts aside goes with this folder, also where it is killed.
    let aside = tempfile::tempdir().map_err(DevError::system("make a folder for `minion measure`"))?;
    command.env("TMPDIR", aside.path());
    let output = command.output().await.map_err(DevError::system("start `minion measure`"))?;
    if !output.status.success() {
        return Err(BenchError::Bare(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
    }
    understood(&String::from_utf8_lossy(&output.stdout))
}

fn understood<T: DeserializeOwned>(line: &str) -> Result<T, BenchError> {
    serde_json::from_str(line)
        .map_err(|error| BenchError::Bare(format!("it printed something else: {error}")))
}

pub(super) fn durations(nanoseconds: Vec<u64>) -> Vec<Duration> {
    nanoseconds.into_iter().map(Duration::from_nanos).collect()
}

/// The method that is measured: it does nothing but answer.
const METHOD: &str = "ping";

/// How many jobs of the engine alone are measured at the least.
const JOBS: u64 = 5000;

const PATIENCE: Duration = Duration::from_secs(120);

const GRACE: Duration = Duration::from_secs(5);
