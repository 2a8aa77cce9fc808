//! An overlord and its minions, each with a folder of its own.

use std::net::{SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Instant;

use machine::failpoint::DIR_VARIABLE;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tempfile::TempDir;

use crate::binaries::{binary, modules_dir};
use crate::cable::{Badness, Cable};
use crate::daemon::Daemon;
use crate::disk::Disk;
use crate::failpoints::Failpoints;
use crate::network::Network;
use crate::said::{PATIENCE, Said, said};
use crate::until::until;

/// A fleet that runs until it is dropped.
pub struct Fleet {
    overlord: Option<Daemon>,
    minions: Vec<(String, Option<Daemon>)>,
    /// Held because minions reach the overlord over it, where it is bad.
    _cable: Option<Cable>,
    /// With a host for each of them, where they are not all on loopback.
    network: Option<Network>,
    /// Disks under the folders of some, by name. They and the folder go after those who use them.
    disks: Vec<(String, Disk)>,
    folder: TempDir,
}

/// The host that the overlord has on a network.
const OVERLORD: &str = "overlord";

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
        let listen = loopback();
        Self::made(new_folder()).listening(listen, listen)
    }

    /// An overlord that nobody has enrolled with, and that minions reach over a cable as bad as this.
    ///
    /// # Panics
    /// Where it cannot be set up: the test cannot go on.
    pub fn behind(badness: Badness) -> Self {
        let listen = loopback();
        let cable = Cable::to(listen, badness);
        let advertise = cable.address();
        Self { _cable: Some(cable), ..Self::made(new_folder()) }.listening(listen, advertise)
    }

    /// An overlord on the host of a network that is called so. Minions are on the hosts of their names.
    ///
    /// # Panics
    /// Where it cannot be set up: the test cannot go on.
    pub fn in_network(network: Network) -> Self {
        let listen = SocketAddr::from((network.address(OVERLORD), 51234));
        Self { network: Some(network), ..Self::made(new_folder()) }.listening(listen, listen)
    }

    /// An overlord that nobody has enrolled with, in a folder on a disk of its own, as these minions will be.
    /// `None` where there can be no such disks.
    ///
    /// # Panics
    /// Where it cannot be set up: the test cannot go on.
    pub fn on_disks(mebibytes: u32, minions: &[&str]) -> Option<Self> {
        let (listen, folder) = (loopback(), new_folder());
        let disks = [OVERLORD].iter().chain(minions).map(|name| {
            let disk = Disk::mount(&folder.path().join(name), mebibytes)?;
            Some(((*name).to_owned(), disk))
        });
        let disks = disks.collect::<Option<_>>()?;
        Some(Self { disks, ..Self::made(folder) }.listening(listen, listen))
    }

    fn made(folder: TempDir) -> Self {
        Self { overlord: None, minions: Vec::new(), _cable: None, network: None, disks: Vec::new(), folder }
    }

    fn listening(mut self, listen: SocketAddr, advertise: SocketAddr) -> Self {
        let (listen, advertise) = (listen.to_string(), advertise.to_string());
        let made = self.run(&["init", "--listen", &listen, "--advertise", &advertise]);
        assert_eq!(made.code, 0, "{made:?}");
        self.start_overlord();
        self
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
        let end = Instant::now() + PATIENCE;
        let mut joined = self.join(name, invited.out.trim());
        // On a bad network a dial may come to nothing.
        while joined.err.contains("no answer within") && Instant::now() < end {
            joined = self.join(name, invited.out.trim());
        }
        assert_eq!(joined.code, 0, "{joined:?}");
        self.enrolled(name);
    }

    /// Takes note of a minion that has joined otherwise.
    pub fn enrolled(&mut self, name: &str) {
        self.minions.push((name.to_owned(), None));
    }

    /// Joins with a token, in the folder of the minion of this name.
    pub fn join(&self, name: &str, token: &str) -> Said {
        said(self.minion_command(name).args(["join", token]))
    }

    /// Starts a minion's daemon with the bundled modules, in a folder of its own, which tests may change.
    ///
    /// # Panics
    /// Where they cannot be copied.
    pub fn start_minion(&mut self, name: &str) {
        let modules = self.minion_dir(name).join("modules");
        if !modules.exists() {
            std::fs::create_dir_all(&modules).expect("made");
            std::fs::copy(modules_dir().join("test.wasm"), modules.join("test.wasm")).expect("copied");
        }
        self.start_minion_with(name, &modules);
    }

    /// Starts a minion's daemon with the modules of this folder.
    pub fn start_minion_with(&mut self, name: &str, modules: &Path) {
        let mut command = self.minion_command(name);
        command.arg("serve").arg("--modules").arg(modules);
        *self.slot(name) = Some(Daemon::start(name, &mut command));
    }

    /// The same, where it may have only so many descriptors open.
    pub fn start_minion_with_descriptors(&mut self, name: &str, modules: &Path, descriptors: u32) {
        let mut minion = self.minion_command(name);
        minion.arg("serve").arg("--modules").arg(modules);
        let mut command = Command::new("sh");
        command.args(["-c", &format!("ulimit -n {descriptors} && exec \"$@\""), "sh"]);
        command.arg(minion.get_program()).args(minion.get_args());
        for (variable, value) in minion.get_envs() {
            match value {
                Some(value) => command.env(variable, value),
                None => command.env_remove(variable),
            };
        }
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
    /// Where that takes longer than anything may: the last document is shown.
    pub fn await_job(&self, id: &str, fits: impl Fn(&Value) -> bool) {
        self.await_document(&["job", "show", id, "--json"], fits);
    }

    /// Waits until a job runs on a minion, or did: a brief one may be over before anyone looks.
    ///
    /// # Panics
    /// Where it does not come to that.
    pub fn await_begun(&self, id: &str, minion: &str) {
        self.await_job(id, |job| {
            let part = &job["results"][minion];
            part["state"] == "running" || part["outcome"].is_string()
        });
    }

    /// Runs a command that prints a document until that fits.
    ///
    /// # Panics
    /// Where that takes longer than anything may: the last document is shown.
    pub fn await_document(&self, arguments: &[&str], fits: impl Fn(&Value) -> bool) {
        until(|| {
            let document = self.run(arguments).json();
            if fits(&document) { Ok(()) } else { Err(format!("{document:#}")) }
        });
    }

    /// Asks for a job until retention has let it go.
    ///
    /// # Panics
    /// Where that takes longer than anything may.
    pub fn await_gone(&self, id: &str) {
        until(|| match self.run(&["job", "show", id]).code {
            2 => Ok(()),
            _ => Err(format!("job {id} is kept")),
        });
    }

    /// Waits until there are so many jobs, and returns the id of the newest.
    ///
    /// # Panics
    /// Where that takes longer than anything may: the last list is shown.
    pub fn await_newest_job(&self, jobs: usize) -> String {
        until(|| {
            let list = self.run(&["job", "list", "--json"]).json();
            match list["jobs"].as_array() {
                Some(listed) if listed.len() >= jobs => {
                    Ok(listed[0]["job"].as_str().unwrap_or_default().to_owned())
                }
                _ => Err(format!("there are no {jobs} jobs: {list:#}")),
            }
        })
    }

    /// Starts the overlord's command line with these arguments in the background.
    ///
    /// # Panics
    /// Where it cannot be started.
    pub fn spawn(&self, arguments: &[&str]) -> std::process::Child {
        self.spawn_on(OVERLORD, arguments)
    }

    /// The same, on another host of the network.
    ///
    /// # Panics
    /// Where it cannot be started.
    pub fn spawn_on(&self, host: &str, arguments: &[&str]) -> std::process::Child {
        let mut command = self.overlord_command_on(host);
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

    /// The network that it was started in.
    ///
    /// # Panics
    /// Where it was started elsewhere.
    pub fn network(&mut self) -> &mut Network {
        self.network.as_mut().unwrap_or_else(|| panic!("it was not started in a network"))
    }

    /// The disk of the overlord, which is called so, or of a minion.
    ///
    /// # Panics
    /// Where it has none of its own.
    pub fn disk(&self, name: &str) -> &Disk {
        let disk = self.disks.iter().find(|(owner, _)| owner == name);
        disk.map(|(_, disk)| disk).unwrap_or_else(|| panic!("{name} has no disk of its own"))
    }

    /// A command of the overlord's binary, for this fleet and nothing else.
    pub fn overlord_command(&self) -> Command {
        self.overlord_command_on(OVERLORD)
    }

    /// A command of the minion's binary, in the folder of the minion of this name.
    pub fn minion_command(&self, name: &str) -> Command {
        let mut command = self.command(name, "minion");
        command.env("MINION_DIR", self.minion_dir(name)).env(DIR_VARIABLE, self.failpoints(name).dir());
        command
    }

    /// What happens to the daemon of this name, `overlord` or a minion, or to the command line, `cli`.
    pub fn failpoints(&self, name: &str) -> Failpoints {
        Failpoints::new(self.folder.path().join("failpoints").join(name))
    }

    fn overlord_command_on(&self, host: &str) -> Command {
        let mut command = self.command(host, "overlord");
        command.env("OVERLORD_DIR", self.overlord_dir()).env(DIR_VARIABLE, self.failpoints("cli").dir());
        command
    }

    fn command(&self, host: &str, name: &str) -> Command {
        let program = binary(name);
        let mut command = match &self.network {
            None => Command::new(program),
            Some(network) => network.command(host, &program),
        };
        command.env_remove("OVERLORD_ADDRESS").env_remove("RUST_LOG");
        command
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

/// A UDP port of loopback that nobody has, and that no socket gets which asks for any: a daemon finds it free
/// again when it is restarted.
///
/// # Panics
/// Where there is none.
pub fn free_port() -> u16 {
    static TAKEN: AtomicU16 = AtomicU16::new(0);
    // Below those that systems give away, and elsewhere in each process of tests.
    let first = 10_000 + u16::try_from(std::process::id() % 20_000).unwrap_or_default();
    let ports = std::iter::repeat_with(|| first + TAKEN.fetch_add(1, Ordering::Relaxed));
    let mut free = ports.take(2_000).filter(|port| UdpSocket::bind(("127.0.0.1", *port)).is_ok());
    free.next().unwrap_or_else(|| panic!("no free port"))
}

fn new_folder() -> TempDir {
    tempfile::tempdir().unwrap_or_else(|error| panic!("no folder: {error}"))
}

fn loopback() -> SocketAddr {
    ([127, 0, 0, 1], free_port()).into()
}
