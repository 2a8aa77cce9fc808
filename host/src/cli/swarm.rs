//! `minion swarm`.

use std::convert::Infallible;
use std::time::Duration;

use clap::Args;
use output::{Context as _, Exit, Failure, Unprinted, note, print};
use serde_json::json;

use wire::message::enroll::Token;
use wire::message::module::ModuleState;
use wire::name::MinionName;

use crate::cli::DirFlag;
use crate::cli::daemon::{DaemonFlags, Signals};
use crate::config::Config;
use crate::containment::Containment;
use crate::enroll::Joining;
use crate::folder::Folder;
use crate::swarm::{Roster, Swarm as Minions};

/// Run many minions in one process, to try an overlord with a fleet that is not there
///
/// Each of them has an identity, a connection, jobs and a place in the ledger of its own, under the swarm's folder, and comes
/// back with them when the swarm is started again. Those that are not enrolled yet join with --token. They share this host:
/// one modules folder, one engine, one audit log whose entries name the minion, and one minion.toml, whose limits hold for
/// all of them together (but for the queue: each may have so many jobs that wait).
///
/// What a swarm is not for: a file in the modules folder, a push and a removal are in force for all of its minions at once,
/// whichever of them they were meant for, and rolling back is refused. `minion status` does not tell of it: `overlord minion
/// list` does. On SIGHUP it reads minion.toml again.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  minion swarm --count 1000 --token \"$(overlord minion invite 'swarm*' --uses 1000)\" --dir /var/lib/swarm
  minion swarm --count 1000 --dir /var/lib/swarm
  minion swarm --count 50 --name web --token - --modules target/modules --json < TOKEN.txt")]
pub(crate) struct Swarm {
    /// How many minions to run
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    count: u32,
    /// What their names begin with: numbers from 1 follow
    #[arg(long, value_name = "PREFIX", default_value = "swarm")]
    name: String,
    /// What `overlord minion invite` printed for a glob, with as many uses as minions have to join, or "-" to read it from
    /// standard input
    #[arg(long)]
    token: Option<String>,
    #[command(flatten)]
    daemon: DaemonFlags,
    /// Print a JSON document on a line of its own whenever another number of them is connected
    #[arg(long)]
    json: bool,
}

impl Swarm {
    pub(crate) async fn run(self, dir: &DirFlag) -> Result<Exit, Failure> {
        output::log_to_stderr(LOGGED);
        let folder = dir.folder()?;
        let config = self.daemon.config(&folder)?;
        Containment::is_sole_parent();
        // Listened for before the start, which may take a while: a signal during it is not lost.
        let mut signals = Signals::listen()?;
        let swarm = tokio::select! {
            swarm = self.start(&folder, config) => swarm?,
            // What was enrolled stays so, and nothing else runs yet that would have to be stopped.
            _ = signals.stop() => return Ok(Exit::Ok),
        };
        let reload = |config| swarm.reload(config);
        let reason = tokio::select! {
            // A swarm that is stopped at once has said what it is all the same.
            biased;
            never = self.tell_changes(&swarm) => match never {},
            reason = self.daemon.until_stopped(&folder, signals, swarm.reloads(), reload) => reason,
        };
        tracing::info!(reason, "stopping");
        swarm.stop().await;
        Ok(Exit::Ok)
    }

    /// Enrols those that are not, and starts all.
    async fn start(&self, folder: &Folder, config: Config) -> Result<Minions, Failure> {
        let roster = Roster::new(folder.clone(), &self.name, self.count)
            .with_context(|| format!("\"{}\" cannot begin names of minions", self.name))?;
        let missing = roster.missing();
        if !missing.is_empty() {
            let joining = self.joining(&missing)?;
            let (all, mut done) = (missing.len(), 0);
            roster
                .enrol(missing, &joining, |_| {
                    done += 1;
                    if done % PROGRESS == 0 || done == all {
                        tracing::info!(enrolled = done, of = all, "minions of the swarm have joined");
                    }
                })
                .await?;
        }
        Ok(Minions::start(&roster, config).await?)
    }

    /// How those that are not enrolled yet join.
    fn joining(&self, missing: &[MinionName]) -> Result<Joining, Failure> {
        let Some(token) = &self.token else {
            return Err(Failure::failed(format_args!(
                "{} of {} minions have joined no overlord yet: get a token with `overlord minion invite '{}*' --uses {}`, and \
                 name it with --token",
                missing.len(),
                self.count,
                self.name,
                missing.len()
            )));
        };
        let text = match token.as_str() {
            "-" => std::io::read_to_string(std::io::stdin())?,
            given => given.to_owned(),
        };
        let Token { address, authority, secret } = text.parse()?;
        let address = self.daemon.overlord.clone().unwrap_or(address);
        Ok(Joining { address, authority, secret: Some(secret), name: None, is_named: false })
    }

    /// Tells whenever another number of them is connected.
    async fn tell_changes(&self, swarm: &Minions) -> Infallible {
        let mut told = None;
        loop {
            let linked = swarm.linked();
            if told != Some(linked) {
                // Nobody may read it any more; that is no reason to stop.
                let _ = self.tell(swarm, linked);
                told = Some(linked);
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// How many are connected, for whoever waits for that.
    fn tell(&self, swarm: &Minions, linked: usize) -> Result<(), Unprinted> {
        let overlord = swarm.overlord().unwrap_or_default();
        let modules = swarm.modules().list();
        let modules = modules.iter().filter(|module| module.state == ModuleState::Active).count();
        if self.json {
            return print(json!({
                "minion_count": self.count,
                "connected_count": linked,
                "module_count": modules,
                "overlord": overlord,
            }));
        }
        let count = self.count;
        note(format_args!("{linked} of {count} minions are connected to {overlord}, with {modules} modules"));
        Ok(())
    }
}

/// How often it is looked how many are connected.
const LOOK: Duration = Duration::from_secs(1);
/// After how many that have joined the log says so.
const PROGRESS: usize = 100;

/// What is logged where RUST_LOG says nothing: not that each of them is linked.
const LOGGED: &str = "warn,minion_host::cli=info,wasmtime_wasi=error,wasmtime_wasi_http=error";
