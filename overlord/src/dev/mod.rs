//! A trial set-up: an overlord and minions as real processes on loopback, in a folder that is thrown away.

mod daemon;
mod error;
mod fleet;
mod programs;

use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::process::ExitStatus;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::{Child, Command};

use self::fleet::Fleet;
use self::programs::Programs;

pub use self::error::DevError;

/// What to set up.
#[derive(Clone, Debug)]
pub struct DevOptions {
    /// How many minions.
    pub minions: u16,
    /// A shell command to run against it, in place of waiting.
    pub exec: Option<String>,
    /// The folder of modules; the one beside this program, or the installed one, where nothing is said.
    pub modules: Option<PathBuf>,
}

/// Sets everything up, runs the command or waits for `stop`, and leaves nothing behind.
///
/// `ready` gets a text for people that says what to type next; it is not called where there is a command.
/// Returns the command's exit code, if one ran to its end.
pub async fn run(
    options: DevOptions,
    ready: impl FnOnce(&str),
    stop: impl Future<Output = ()>,
) -> Result<Option<u8>, DevError> {
    let programs = Programs::find(options.modules)?;
    let dir = tempfile::Builder::new().prefix("overlord-dev-").tempdir();
    let dir = dir.map_err(DevError::system("make a folder for the trial"))?;
    let mut fleet = Fleet::new(&programs, dir.path());
    let mut stop = pin!(stop);

    let ended = tokio::select! {
        started = fleet.start(options.minions) => match (started, options.exec) {
            (Err(error), _) => Err(error),
            (Ok((folder, _)), Some(command)) => run_command(&command, folder.dir(), &programs, stop).await.map(Some),
            (Ok((folder, address)), None) => {
                ready(&next_steps(&programs, folder.dir(), &address, options.minions));
                stop.await;
                Ok(None)
            }
        },
        () = &mut stop => Ok(None),
    };
    // 1. The daemons stop. 2. Their folder goes.
    fleet.stop().await;
    dir.close().map_err(DevError::system("remove the folder of the trial"))?;
    ended
}

/// Runs a shell command against the set-up, and gives its exit code, as a shell would.
async fn run_command(
    command: &str,
    folder: &Path,
    programs: &Programs,
    stop: impl Future<Output = ()>,
) -> Result<u8, DevError> {
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(command).kill_on_drop(true);
    // Another overlord that this user works with is not meant.
    shell.env("OVERLORD_DIR", folder).env_remove("OVERLORD_ADDRESS").env("PATH", path_with(programs.dir()));
    let mut child = shell.spawn().map_err(DevError::system("start a shell"))?;
    let status = tokio::select! {
        status = child.wait() => status,
        () = stop => end(&mut child).await,
    };
    Ok(exit_code(status.map_err(DevError::system("wait for the command"))?))
}

/// Ends a command that the user does not want to wait for: politely, then not.
async fn end(child: &mut Child) -> std::io::Result<ExitStatus> {
    if let Some(id) = child.id().and_then(|id| i32::try_from(id).ok()) {
        // It may have ended of the Ctrl-C that we had too.
        let _ = kill(Pid::from_raw(id), Signal::SIGTERM);
    }
    if let Ok(status) = tokio::time::timeout(GRACE, child.wait()).await {
        return status;
    }
    child.kill().await?;
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

fn next_steps(programs: &Programs, folder: &Path, address: &str, minions: u16) -> String {
    let dir = programs.dir();
    let known =
        std::env::var_os("PATH").is_some_and(|path| std::env::split_paths(&path).any(|known| known == dir));
    let path = if known { String::new() } else { format!("  export PATH=\"{}:$PATH\"\n", dir.display()) };
    format!(
        "an overlord at {address} and {minions} minions are ready; in another terminal type\n\n\
         {path}  export OVERLORD_DIR=\"{}\"\n  \
         overlord call '*' test.add 2 3\n  \
         overlord call '*' test.sleep 3000 --async\n  \
         overlord job list\n  \
         overlord job history ID\n\n\
         logs are in \"{}\"; Ctrl-C here ends everything and removes it",
        folder.display(),
        folder.parent().unwrap_or(folder).display(),
    )
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

    #[tokio::test]
    async fn a_folder_without_modules_says_how_to_build_them() {
        let dir = tempfile::tempdir().expect("a folder");
        // The test binary stands for the program: the minion's is looked for beside it first.
        let options = DevOptions { minions: 1, exec: None, modules: Some(dir.path().to_owned()) };
        let error = run(options, |_| (), std::future::pending()).await.expect_err("nothing there");
        assert!(matches!(error, DevError::NoMinionProgram(_) | DevError::NoModules(_)), "{error}");
    }

    #[test]
    fn the_programs_of_this_folder_come_first() {
        let path = path_with(Path::new("/opt/overlord"));
        assert!(path.to_string_lossy().starts_with("/opt/overlord"));
    }
}
