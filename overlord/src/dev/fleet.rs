//! The daemons of a trial set-up: an overlord and its minions.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::Instant;
use wire::message::module::ModuleState;
use wire::message::operator::Target;
use wire::name::MinionName;

use super::DevError;
use super::daemon::Daemon;
use super::grants::Granted;
use super::programs::{Programs, Share};
use crate::client::{Client, ClientConfig};
use crate::config::InitOptions;
use crate::folder::Folder;

/// Makes the folder of a minion that has joined ready for its first start.
pub type Prepare = fn(&Path) -> io::Result<()>;

/// Everything that runs. To be stopped by [`Fleet::stop`]; dropped, it kills.
pub struct Fleet<'a> {
    programs: &'a Programs,
    dir: &'a Path,
    prepare: Prepare,
    /// The levels that modules are granted.
    grant: Vec<String>,
    /// How many minions at most have a process each: more of them run in one.
    most_processes: u16,
    /// What came of that on the minion that was made last.
    granted: Granted,
    /// The overlord first.
    daemons: Vec<Daemon>,
}

impl<'a> Fleet<'a> {
    /// Nothing runs yet; all of it will live in `dir`.
    pub fn new(programs: &'a Programs, dir: &'a Path) -> Self {
        Self {
            programs,
            dir,
            prepare: |_| Ok(()),
            grant: Vec::new(),
            most_processes: u16::MAX,
            granted: Granted::default(),
            daemons: Vec::new(),
        }
    }

    /// Does this to each minion's folder before it starts.
    pub fn prepared(self, prepare: Prepare) -> Self {
        Self { prepare, ..self }
    }

    /// Grants all modules these levels, where they suggest them.
    pub(super) fn granting(self, levels: Vec<String>) -> Self {
        Self { grant: levels, ..self }
    }

    /// Runs many minions in one process.
    pub(super) fn swarming(self) -> Self {
        Self { most_processes: MOST_PROCESSES, ..self }
    }

    /// Runs all minions in one process, however few they are.
    pub fn in_one_process(self) -> Self {
        Self { most_processes: 0, ..self }
    }

    /// What each minion grants its modules.
    pub(super) fn granted(&self) -> &Granted {
        &self.granted
    }

    /// Starts the overlord and `minions` minions and waits until all are connected with their modules.
    /// Returns the overlord's folder and the address at which it answers.
    pub async fn start(&mut self, minions: u16) -> Result<(Folder, String), DevError> {
        let folder = Folder::at(self.dir.join(OVERLORD));
        folder.init(&InitOptions { listen: Some(([127, 0, 0, 1], 0).into()), ..InitOptions::default() })?;
        self.daemons.push(Daemon::start(OVERLORD, self.overlord("127.0.0.1:0"), self.dir)?);

        let deadline = Instant::now() + PATIENCE;
        while folder.noted_address().is_none() {
            self.pause(deadline, "the start of the overlord", 0).await?;
        }
        let client = Client::connect(&ClientConfig::new(folder.clone(), None)?).await?;
        if minions > self.most_processes {
            self.start_swarm(&client, minions).await?;
        } else {
            for n in 1..=minions {
                self.start_minion(&client, &format!("web{n}")).await?;
            }
        }
        self.all_ready(&client, usize::from(minions)).await?;
        let address = client.address().to_owned();
        client.close().await;
        Ok((folder, address))
    }

    /// Waits until this many minions are connected with their modules.
    pub async fn all_ready(&mut self, client: &Client, minions: usize) -> Result<(), DevError> {
        let deadline = Instant::now() + patience(minions);
        loop {
            let enrolled = client.minions().await?;
            let late = enrolled.iter().find(|minion| !(minion.connected && minion.modules > 0));
            if late.is_none() && enrolled.len() == minions {
                return Ok(());
            }
            if let Some(connected) = late.filter(|minion| minion.connected) {
                some_may_load(client, &connected.name)
                    .await
                    .map_err(|error| self.granted.explained(error))?;
            }
            let is_late = |daemon: &Daemon| late.is_some_and(|late| late.name.as_str() == daemon.name);
            let is_swarm = |daemon: &Daemon| daemon.name == SWARM;
            let blamed = self.daemons.iter().position(|daemon| is_late(daemon) || is_swarm(daemon));
            let blamed = blamed.unwrap_or(0);
            self.pause(deadline, "the start of the minions", blamed).await?;
        }
    }

    async fn start_minion(&mut self, client: &Client, name: &str) -> Result<(), DevError> {
        let dir = self.dir.join(name);
        // A literal and a number have the form of a minion's name.
        let minion: MinionName = name.parse().expect("webN is a minion's name");
        let token = client.invite(minion, PATIENCE).await?;
        self.join(name, &token, &dir).await?;
        (self.prepare)(&dir).map_err(DevError::system(format!("configure {name}")))?;
        self.provide(name)?;
        self.daemons.push(Daemon::start(name, self.minion(name), self.dir)?);
        Ok(())
    }

    /// Runs all minions in one process. The first joins as any host does, and what it grants holds for all.
    async fn start_swarm(&mut self, client: &Client, minions: u16) -> Result<(), DevError> {
        let count = usize::from(minions);
        let token = client.invite_glob("web*", minions.into(), patience(count)).await?;
        let dir = self.dir.join(SWARM);
        let first = dir.join("minions").join(FIRST);
        self.join(FIRST, &token, &first).await?;
        if first.join(CONFIG).exists() {
            let moved = std::fs::rename(first.join(CONFIG), dir.join(CONFIG));
            moved.map_err(DevError::system("configure the swarm"))?;
        }
        self.provide(SWARM)?;
        let mut swarm = Command::new(&self.programs.minion);
        swarm.args(["swarm", "--stop-with-stdin", "--name", "web", "--count", &minions.to_string()]);
        swarm.args(["--token", &token, "--modules"]).arg(self.modules(SWARM)).env("MINION_DIR", dir);
        self.daemons.push(Daemon::start(SWARM, swarm, self.dir)?);
        Ok(())
    }

    /// Has a minion join, which keeps its identity and its grants in `dir`.
    async fn join(&mut self, name: &str, token: &str, dir: &Path) -> Result<(), DevError> {
        let mut join = Command::new(&self.programs.minion);
        join.args(["join", token, "--name", name, "--json"]).env("MINION_DIR", dir);
        if !self.grant.is_empty() {
            join.arg("--grant").arg(self.grant.join(",")).arg("--modules").arg(&self.programs.modules);
        }
        join.stdin(Stdio::null()).kill_on_drop(true);
        join.process_group(0);
        let joined = join.output().await.map_err(DevError::system("start `minion join`"))?;
        if !joined.status.success() {
            let log = String::from_utf8_lossy(&joined.stderr).trim().to_owned();
            return Err(DevError::NotJoined { name: name.to_owned(), status: joined.status, log });
        }
        self.granted = Granted::read(&joined.stdout);
        Ok(())
    }

    /// Gives a daemon its modules, where it has them for itself.
    fn provide(&self, name: &str) -> Result<(), DevError> {
        if self.programs.share == Share::Copies {
            copy_modules(&self.programs.modules, &self.modules(name))
                .map_err(DevError::system(format!("copy the modules of {name}")))?;
        }
        Ok(())
    }

    fn overlord(&self, listen: &str) -> Command {
        let mut serve = Command::new(&self.programs.overlord);
        serve.args(["serve", "--stop-with-stdin", "--listen", listen]);
        serve.env("OVERLORD_DIR", self.dir.join(OVERLORD));
        serve
    }

    fn minion(&self, name: &str) -> Command {
        let mut serve = Command::new(&self.programs.minion);
        serve.args(["serve", "--stop-with-stdin", "--modules"]).arg(self.modules(name));
        serve.env("MINION_DIR", self.dir.join(name));
        serve
    }

    /// The folder of a minion's modules.
    fn modules(&self, name: &str) -> PathBuf {
        match self.programs.share {
            Share::One => self.programs.modules.clone(),
            Share::Copies => self.dir.join(name).join("modules"),
        }
    }

    /// The folder of the first minion, with its identity.
    pub fn folder_of_first(&self) -> PathBuf {
        let of_swarm = self.dir.join(SWARM).join("minions").join(FIRST);
        if of_swarm.exists() { of_swarm } else { self.dir.join(FIRST) }
    }

    /// The names and process ids of what runs, the overlord first. Each has its folder under its name.
    pub fn processes(&self) -> Vec<(String, u32)> {
        let running = |daemon: &Daemon| Some((daemon.name.clone(), daemon.process()?));
        self.daemons.iter().filter_map(running).collect()
    }

    /// Kills a daemon without a warning, number 0 being the overlord, and waits until it is gone.
    pub async fn kill(&mut self, number: usize) -> Result<(), DevError> {
        // One that died by itself is a finding, not a daemon to kill.
        self.daemons[number].check()?;
        self.daemons[number].kill().await
    }

    /// Starts a daemon again that was killed. The overlord comes back where its minions look for it.
    pub fn restart(&mut self, number: usize) -> Result<(), DevError> {
        let name = self.daemons[number].name.clone();
        let command = if number == 0 {
            let address = Folder::at(self.dir.join(OVERLORD)).noted_address();
            // It was awaited when the overlord started first, and nobody removes it.
            self.overlord(&address.expect("an overlord that has started has noted its address"))
        } else {
            self.minion(&name)
        };
        self.daemons[number] = Daemon::start(&name, command, self.dir)?;
        Ok(())
    }

    /// Waits a moment, unless a daemon has died or it is too late, for which one is blamed.
    async fn pause(&mut self, deadline: Instant, what: &str, blamed: usize) -> Result<(), DevError> {
        for daemon in &mut self.daemons {
            daemon.check()?;
        }
        if Instant::now() > deadline {
            let log = self.daemons.get(blamed).map(Daemon::log_end).unwrap_or_default();
            return Err(DevError::Slow { what: what.to_owned(), log });
        }
        // Whoever has many minions is asked for all of them each time.
        let many = self.daemons.iter().any(|daemon| daemon.name == SWARM);
        tokio::time::sleep(if many { POLL * 25 } else { POLL }).await;
        Ok(())
    }

    /// Stops everything: first the minions, so that they are not left looking for their overlord.
    pub async fn stop(mut self) {
        let minions = self.daemons.split_off(1.min(self.daemons.len()));
        for daemons in [minions, self.daemons] {
            let mut daemons = daemons;
            daemons.iter_mut().for_each(Daemon::ask_to_stop);
            for daemon in daemons {
                daemon.stopped().await;
            }
        }
    }
}

fn copy_modules(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in from.read_dir()? {
        let path = entry?.path();
        if let (Some(name), Some("wasm" | "sig")) =
            (path.file_name(), path.extension().and_then(|it| it.to_str()))
        {
            std::fs::copy(&path, to.join(name))?;
        }
    }
    Ok(())
}

/// An error where a minion has modules and none of them will ever be in service.
async fn some_may_load(client: &Client, minion: &MinionName) -> Result<(), DevError> {
    let target = Target::of(minion.to_string());
    let modules =
        client.modules(target).await?.answer.into_iter().flat_map(|(_, inventory)| inventory.modules);
    let reasons: Vec<Option<String>> = modules
        .map(|module| match module.state {
            ModuleState::Failed(reason) => Some(format!("\"{}\" {reason}", module.name)),
            _ => None,
        })
        .collect();
    match reasons.first() {
        Some(Some(reason)) if reasons.iter().all(Option::is_some) => {
            Err(DevError::NothingLoaded { name: minion.to_string(), reason: reason.clone() })
        }
        _ => Ok(()),
    }
}

/// How long the overlord, and then all minions together, may take to start. The first start compiles all modules.
const PATIENCE: Duration = Duration::from_secs(120);

/// The same, of so many minions.
fn patience(minions: usize) -> Duration {
    PATIENCE + EACH * u32::try_from(minions).unwrap_or(u32::MAX)
}

/// How much longer all of them may take for each that there is.
const EACH: Duration = Duration::from_millis(100);

/// How many minions of a trial have a process each.
const MOST_PROCESSES: u16 = 20;

const OVERLORD: &str = "overlord";

/// The minion that joins first.
const FIRST: &str = "web1";

/// The process of all minions, where they have one.
pub(super) const SWARM: &str = "swarm";

const CONFIG: &str = "minion.toml";

const POLL: Duration = Duration::from_millis(20);
