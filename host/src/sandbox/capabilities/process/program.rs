//! One program of the host that runs for a job, with everything that it starts.

use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::Signal;
use tokio::process::{Child, Command};
use tokio::sync::OwnedSemaphorePermit;

use super::folder::Folder;
use crate::containment::{Contained, Containment};
use crate::policy::ProcessGrant;
use crate::sandbox::limits::budget::Hold;

/// How long a program has to end after it was asked to, before it is killed.
const GRACE: Duration = Duration::from_secs(1);

/// The folders in which programs are looked for when the minion itself has no `PATH`.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What to start, and by which grant.
pub(super) struct Invocation<'a> {
    /// The file to run.
    pub(super) program: &'a Path,
    /// Its arguments, without its name.
    pub(super) args: &'a [String],
    /// Its environment, besides `PATH` and the variables that the grant sets.
    pub(super) env: &'a [(String, String)],
    /// The grant that allows it.
    pub(super) grant: &'a ProcessGrant,
    /// The folder to run it in.
    pub(super) folder: &'a Folder,
}

/// A running program. Where it is dropped, it is killed with everything that it has started.
pub(super) struct Program {
    /// The program and everything that it has started.
    contained: Contained,
    /// The program itself, with its pipes.
    child: Child,
    /// What it takes of the job's share, given back at its end.
    _taken: Taken,
}

/// What a program takes of the job's share.
pub(super) struct Taken {
    /// Its place among the programs of the job.
    pub(super) _place: OwnedSemaphorePermit,
    /// The minion's ends of its pipes, and the descriptor that tells of its end.
    pub(super) _descriptors: Hold,
}

impl Program {
    /// Starts the program with its outputs piped. `processes` is what it takes of the processes of its job; it is
    /// killed where it becomes more processes than there are left.
    ///
    /// It gets the minion's `PATH`, since few programs do without; everything else that it is given, the caller
    /// has checked.
    ///
    /// # Errors
    /// Where the system does not start it.
    pub(super) fn start(invocation: &Invocation<'_>, taken: Taken, mut processes: Hold) -> io::Result<Self> {
        let mut command = Command::new(invocation.program);
        command.args(invocation.args).current_dir(invocation.folder.by_handle());
        command
            .env_clear()
            .env("PATH", path())
            .envs(invocation.env.iter().map(|(name, value)| (name, value)));
        command.envs(invocation.grant.fixed_variables());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let allow = move |count: u64| processes.resize(count.max(1)).is_ok();
        let (child, contained) = Containment::of_process().start(&mut command, allow)?;
        Ok(Self { contained, child, _taken: taken })
    }

    /// The program's process id; 0 once its end is known.
    pub(super) fn id(&self) -> u32 {
        self.child.id().unwrap_or(0)
    }

    /// The child process, to take its pipes from.
    pub(super) fn pipes(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Waits for the program's end, and ends what it left behind.
    pub(super) async fn wait(&mut self) -> io::Result<ExitStatus> {
        let status = self.child.wait().await?;
        self.contained.reaped().await;
        Ok(status)
    }

    /// Ends the program: asks it first, and kills it where it does not end within a second.
    pub(super) async fn end(&mut self) {
        self.signal(Signal::SIGTERM);
        if tokio::time::timeout(GRACE, self.wait()).await.is_err() {
            self.contained.kill();
            // The program cannot outlive a kill by more than the kernel takes.
            let _ = self.wait().await;
        }
    }

    /// Sends the program a signal, unless it is over. A kill reaches everything that it has started.
    pub(super) fn signal(&self, signal: Signal) {
        if self.child.id().is_some() {
            self.contained.signal(signal);
        }
    }
}

/// Finds a program as a shell would, by the minion's own `PATH`. A path that is not whole finds none, since it
/// would mean another file in every folder.
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

/// The minion's own `PATH`, or the default where it has none.
fn path() -> std::ffi::OsString {
    std::env::var_os("PATH").unwrap_or_else(|| DEFAULT_PATH.into())
}
