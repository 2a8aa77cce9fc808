//! The command that is run against a trial set-up.

use std::ffi::OsString;
use std::io::{self, IsTerminal as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::ExitStatus;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::{Child, Command};

use super::DevError;
use super::programs::Programs;

/// Runs a shell command against the set-up, until it ends or `stop` does, and gives its exit code.
pub(super) async fn run_command(
    command: &str,
    folder: &Path,
    programs: &Programs,
    stop: impl Future<Output = ()>,
) -> Result<u8, DevError> {
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(command).kill_on_drop(true);
    // Another overlord that this user works with is not meant.
    shell.env("OVERLORD_DIR", folder).env_remove("OVERLORD_ADDRESS").env("PATH", path_with(programs.dir()));
    let reach = Reach::of_this_stdin();
    if reach == Reach::Group {
        shell.process_group(0);
    }
    let mut child = shell.spawn().map_err(DevError::system("start a shell"))?;
    let status = tokio::select! {
        status = child.wait() => status,
        () = stop => end(&mut child, reach).await,
    };
    Ok(exit_code(status.map_err(DevError::system("wait for the command"))?))
}

/// What a signal to the command reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    /// The shell and all that it started: they have a process group of their own.
    Group,
    /// The shell alone: it shares our group, as it could not read from the terminal otherwise. What Ctrl-C
    /// sends, the terminal sends to all of the group anyway.
    Shell,
}

impl Reach {
    fn of_this_stdin() -> Self {
        if io::stdin().is_terminal() { Reach::Shell } else { Reach::Group }
    }
}

/// Ends a command that the user does not want to wait for: politely, then not.
async fn end(child: &mut Child, reach: Reach) -> io::Result<ExitStatus> {
    // One that has been waited for has no id any more.
    let Some(id) = child.id().and_then(|id| i32::try_from(id).ok()) else { return child.wait().await };
    let target = match reach {
        Reach::Group => Pid::from_raw(-id),
        Reach::Shell => Pid::from_raw(id),
    };
    // Either fails only where all of them have ended, perhaps of the Ctrl-C that we had too.
    let _ = kill(target, Signal::SIGTERM);
    if let Ok(status) = tokio::time::timeout(GRACE, child.wait()).await {
        return status;
    }
    let _ = kill(target, Signal::SIGKILL);
    child.wait().await
}

/// The exit code of a status; that of a signal is 128 more than its number.
fn exit_code(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

fn path_with(first: &Path) -> OsString {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let dirs = std::iter::once(first.to_owned()).chain(std::env::split_paths(&path));
    // Fails only where the folder has a colon in its name, and then no PATH can name it.
    std::env::join_paths(dirs).unwrap_or(path)
}

/// How long the command may take to end when it is asked to.
const GRACE: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_code_is_what_a_shell_would_say() {
        assert_eq!(exit_code(ExitStatus::from_raw(3 << 8)), 3);
        assert_eq!(exit_code(ExitStatus::from_raw(9)), 137);
    }

    #[test]
    fn the_programs_of_this_folder_come_first() {
        let path = path_with(Path::new("/opt/overlord"));
        assert!(path.to_string_lossy().starts_with("/opt/overlord"));
    }
}
