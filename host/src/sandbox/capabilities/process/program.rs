//! One program of the host that runs for a job, with everything that it starts.

use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use tokio::process::{Child, Command};
use tokio::sync::OwnedSemaphorePermit;

use super::folder::Folder;
use crate::policy::ProcessGrant;

/// How long a program has to end after it was asked to, before it is killed.
const GRACE: Duration = Duration::from_secs(1);

/// Where programs are looked for when the minion itself has no `PATH`.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What to start.
pub(super) struct Invocation<'a> {
    /// The file to run.
    pub(super) program: &'a Path,
    /// Its arguments, without its name.
    pub(super) args: &'a [String],
    /// Its environment, besides `PATH` and what the grant sets.
    pub(super) env: &'a [(String, String)],
    /// What allows it.
    pub(super) grant: &'a ProcessGrant,
    /// The folder to run it in.
    pub(super) folder: &'a Folder,
}

/// A running program. Dropped, it is killed, with every process that is still in its group.
pub(super) struct Program {
    /// The program itself, with its pipes.
    child: Child,
    /// It and all that it started, as long as that stays in its group.
    group: Group,
    /// Its place among the programs of the job.
    _place: OwnedSemaphorePermit,
}

/// The process group of a program, whose leader it is.
struct Group(Option<Pid>);

impl Program {
    /// Starts it in a group of its own, with its outputs piped.
    ///
    /// It gets the minion's `PATH`, since few programs do without; what it is given otherwise is for the
    /// caller to check.
    pub(super) fn start(invocation: &Invocation<'_>, place: OwnedSemaphorePermit) -> io::Result<Self> {
        let mut command = Command::new(invocation.program);
        command.args(invocation.args).current_dir(invocation.folder.by_handle());
        command
            .env_clear()
            .env("PATH", path())
            .envs(invocation.env.iter().map(|(name, value)| (name, value)));
        command.envs(invocation.grant.fixed_variables());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // A group of its own, so that it can be killed with all that it starts.
        command.process_group(0).kill_on_drop(true);
        die_with_minion(&mut command);
        let child = command.spawn()?;
        let group = Group(child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw));
        Ok(Self { child, group, _place: place })
    }

    /// Its process id; 0 once its end is known.
    pub(super) fn id(&self) -> u32 {
        self.child.id().unwrap_or(0)
    }

    /// Its pipes, as long as nobody took them.
    pub(super) fn pipes(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Waits for its end, and ends what it left behind in its group.
    pub(super) async fn wait(&mut self) -> io::Result<ExitStatus> {
        let status = self.child.wait().await?;
        // Its id is free from here on, but not given out again before many thousand others.
        self.group.kill();
        Ok(status)
    }

    /// Ends it: asks first, and kills what does not follow.
    pub(super) async fn end(&mut self) {
        self.signal(Signal::SIGTERM);
        if tokio::time::timeout(GRACE, self.wait()).await.is_err() {
            self.group.kill();
            // It cannot outlive a kill by more than the kernel takes.
            let _ = self.wait().await;
        }
    }

    /// Sends it a signal, unless it is over. A kill reaches its whole group.
    pub(super) fn signal(&self, signal: Signal) {
        let Some(id) = self.child.id().and_then(|id| i32::try_from(id).ok()) else { return };
        let id = Pid::from_raw(id);
        tell(if signal == Signal::SIGKILL { killpg(id, signal) } else { kill(id, signal) });
    }
}

impl Group {
    /// Kills all that is left of it, once: after that the id may come to mean others.
    fn kill(&mut self) {
        if let Some(leader) = self.0.take() {
            tell(killpg(leader, Signal::SIGKILL));
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Has the kernel kill the program when the minion is killed, since then nobody else will.
fn die_with_minion(command: &mut Command) {
    // SAFETY: between fork and exec only a system call is made, which takes no locks and allocates nothing.
    #[allow(unsafe_code)]
    unsafe {
        command.pre_exec(|| set_pdeathsig(Signal::SIGKILL).map_err(io::Error::from));
    }
}

/// Logs a signal that did not arrive. What is gone needs none.
fn tell(outcome: nix::Result<()>) {
    if let Err(error) = outcome
        && error != Errno::ESRCH
    {
        tracing::warn!(%error, "a process of a job could not be signalled");
    }
}

/// Finds a program as a shell would, by the minion's own `PATH`. A path that is not whole finds none: it would
/// mean another file in every folder.
pub(super) fn find(name: &str) -> Option<PathBuf> {
    let executable = |path: &PathBuf| {
        path.metadata().is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
    };
    if name.contains('/') {
        return Some(PathBuf::from(name)).filter(|path| path.is_absolute()).filter(executable);
    }
    let path = path();
    let mut folders = std::env::split_paths(&path).filter(|folder| folder.is_absolute());
    folders.find_map(|folder| Some(folder.join(name)).filter(executable))
}

/// The minion's own `PATH`.
fn path() -> std::ffi::OsString {
    std::env::var_os("PATH").unwrap_or_else(|| DEFAULT_PATH.into())
}
