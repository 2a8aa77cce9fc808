//! An overlord and its minions, each with a folder of its own.

use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tempfile::TempDir;
use wire::failpoint::DIR_VARIABLE;

use crate::{Daemon, Failpoints, binary, modules_dir};

/// A fleet that runs until it is dropped.
pub struct Fleet {
    folder: TempDir,
    overlord: Option<Daemon>,
    minions: Vec<(String, Option<Daemon>)>,
}

/// What a command said, and how it ended.
#[derive(Debug)]
pub struct Said {
    /// Its exit code.
    pub code: i32,
    /// What it wrote to stdout.
    pub out: String,
    /// What it wrote to stderr.
    pub err: String,
}

impl Said {
    /// The one JSON document on its stdout.
    ///
    /// # Panics
    /// Where that is not JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("not JSON ({error}): {self:?}"))
    }
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Fleet {
    /// An overlord and minions of these names, enrolled, connected and with the bundled modules loaded.
    pub fn start(names: &[&str]) -> Self {
        let mut fleet = Self::without_minions();
        for name in names {
            fleet.enrol(name);
            fleet.start_minion(name);
        }
        for name in names {
            fleet.await_connection(name, 1);
        }
        fleet
    }

    /// An overlord that nobody has enrolled with.
    ///
    /// # Panics
    /// Where it cannot be set up: the test cannot go on.
    pub fn without_minions() -> Self {
        let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("no folder: {error}"));
        let mut fleet = Self { folder, overlord: None, minions: Vec::new() };
        let listen = format!("127.0.0.1:{}", free_port());
        let made = fleet.run(&["init", "--listen", &listen]);
        assert_eq!(made.code, 0, "{made:?}");
        fleet.start_overlord();
        fleet
    }

    /// Starts the overlord, and waits until peers can come in.
    pub fn start_overlord(&mut self) {
        self.launch_overlord();
        self.overlord().logged("listening", 1);
    }

    /// Starts the overlord, and does not wait for it.
    pub fn launch_overlord(&mut self) {
        let mut command = self.overlord_command();
        command.arg("serve").env(DIR_VARIABLE, self.failpoints("overlord").dir());
        self.overlord = Some(Daemon::start("overlord", &mut command));
    }

    /// Invites a minion and lets it join.
    ///
    /// # Panics
    /// Where it is not taken in.
    pub fn enrol(&mut self, name: &str) {
        let invited = self.run(&["minion", "invite", name]);
        assert_eq!(invited.code, 0, "{invited:?}");
        let joined = self.join(name, invited.out.trim());
        assert_eq!(joined.code, 0, "{joined:?}");
        self.minions.push((name.to_owned(), None));
    }

    /// Joins with a token, in the folder of the minion of this name.
    pub fn join(&self, name: &str, token: &str) -> Said {
        said(self.minion_command(name).args(["join", token]))
    }

    /// Starts a minion's daemon.
    pub fn start_minion(&mut self, name: &str) {
        self.start_minion_with(name, &modules_dir());
    }

    /// Starts a minion's daemon with the modules of this folder.
    pub fn start_minion_with(&mut self, name: &str, modules: &Path) {
        let mut command = self.minion_command(name);
        command.arg("serve").arg("--modules").arg(modules);
        *self.slot(name) = Some(Daemon::start(name, &mut command));
    }

    /// Starts a minion's daemon with a modules folder of its own, which is empty the first time.
    pub fn start_empty_minion(&mut self, name: &str) {
        let modules = self.minion_dir(name).join("modules");
        self.start_minion_with(name, &modules);
    }

    /// Waits until the overlord has logged that this minion connected for the `nth` time since the
    /// overlord's start.
    pub fn await_connection(&self, name: &str, nth: usize) {
        self.overlord().logged(&format!("connected minion={name} "), nth);
    }

    /// Runs the overlord's command line with these arguments.
    pub fn run(&self, arguments: &[&str]) -> Said {
        said(self.overlord_command().args(arguments))
    }

    /// Asks for a job's document until it fits.
    ///
    /// # Panics
    /// Where that takes longer than half a minute: the last document is shown.
    pub fn await_job(&self, id: &str, fits: impl Fn(&Value) -> bool) {
        self.await_document(&["job", "show", id, "--json"], fits);
    }

    /// Runs a command that prints a document until that fits.
    ///
    /// # Panics
    /// Where that takes longer than half a minute: the last document is shown.
    pub fn await_document(&self, arguments: &[&str], fits: impl Fn(&Value) -> bool) {
        let end = Instant::now() + Duration::from_secs(30);
        loop {
            let document = self.run(arguments).json();
            if fits(&document) {
                return;
            }
            assert!(Instant::now() < end, "it never came to that: {document:#}");
        }
    }

    /// Asks for a job until retention has let it go.
    ///
    /// # Panics
    /// Where that takes longer than half a minute.
    pub fn await_gone(&self, id: &str) {
        let end = Instant::now() + Duration::from_secs(30);
        while self.run(&["job", "show", id]).code != 2 {
            assert!(Instant::now() < end, "job {id} is kept");
        }
    }

    /// Starts the overlord's command line with these arguments in the background.
    ///
    /// # Panics
    /// Where it cannot be started.
    pub fn spawn(&self, arguments: &[&str]) -> std::process::Child {
        let mut command = self.overlord_command();
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap_or_else(|error| panic!("cannot start overlord: {error}"))
    }

    /// The overlord's daemon.
    ///
    /// # Panics
    /// Where it is not running.
    pub fn overlord(&self) -> &Daemon {
        self.overlord.as_ref().unwrap_or_else(|| panic!("the overlord is not running"))
    }

    /// A minion's daemon.
    ///
    /// # Panics
    /// Where it is not running.
    pub fn minion(&self, name: &str) -> &Daemon {
        let daemon = self.minions.iter().find(|(candidate, _)| candidate == name);
        daemon.and_then(|(_, daemon)| daemon.as_ref()).unwrap_or_else(|| panic!("{name} is not running"))
    }

    /// Takes the overlord's daemon out, to kill or stop it.
    ///
    /// # Panics
    /// Where it is not running.
    pub fn take_overlord(&mut self) -> Daemon {
        self.overlord.take().unwrap_or_else(|| panic!("the overlord is not running"))
    }

    /// Takes a minion's daemon out, to kill or stop it.
    ///
    /// # Panics
    /// Where it is not running.
    pub fn take_minion(&mut self, name: &str) -> Daemon {
        self.slot(name).take().unwrap_or_else(|| panic!("{name} is not running"))
    }

    /// Where the overlord's folder is.
    pub fn overlord_dir(&self) -> PathBuf {
        self.folder.path().join("overlord")
    }

    /// Where a minion's folder is.
    pub fn minion_dir(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A command of the overlord's binary, for this fleet and nothing else.
    pub fn overlord_command(&self) -> Command {
        let mut command = command("overlord", "OVERLORD_DIR", &self.overlord_dir());
        command.env(DIR_VARIABLE, self.failpoints("cli").dir());
        command
    }

    /// A command of the minion's binary, in the folder of the minion of this name.
    pub fn minion_command(&self, name: &str) -> Command {
        let mut command = command("minion", "MINION_DIR", &self.minion_dir(name));
        command.env(DIR_VARIABLE, self.failpoints(name).dir());
        command
    }

    /// What happens to the daemon of this name, `overlord` or a minion, or to the command line, `cli`.
    pub fn failpoints(&self, name: &str) -> Failpoints {
        Failpoints::new(self.folder.path().join("failpoints").join(name))
    }

    fn slot(&mut self, name: &str) -> &mut Option<Daemon> {
        let slot = self.minions.iter_mut().find(|(candidate, _)| candidate == name);
        slot.map(|(_, daemon)| daemon).unwrap_or_else(|| panic!("{name} is not enrolled"))
    }
}

/// Sends a command what Ctrl-C sends it.
///
/// # Panics
/// Where it is gone already.
pub fn interrupt(command: &std::process::Child) {
    let pid = Pid::from_raw(command.id() as i32);
    kill(pid, Signal::SIGINT).unwrap_or_else(|error| panic!("cannot interrupt {pid}: {error}"));
}

/// A UDP port of loopback that nobody had a moment ago.
///
/// # Panics
/// Where there is none.
pub fn free_port() -> u16 {
    let socket = UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
    socket.unwrap_or_else(|error| panic!("no free port: {error}")).port()
}

fn command(name: &str, variable: &str, dir: &Path) -> Command {
    let mut command = Command::new(binary(name));
    command.env(variable, dir).env_remove("OVERLORD_ADDRESS").env_remove("RUST_LOG");
    command
}

fn said(command: &mut Command) -> Said {
    let output = command.stdin(Stdio::null()).output();
    output.unwrap_or_else(|error| panic!("cannot run {command:?}: {error}")).into()
}
