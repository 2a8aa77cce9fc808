//! A trial set-up: an overlord and minions as real processes on loopback, in a folder that is thrown away.

mod command;
mod daemon;
mod error;
mod fleet;
mod programs;

use std::path::{Path, PathBuf};
use std::pin::pin;

use self::command::run_command;
pub use self::error::DevError;
pub(crate) use self::fleet::{Fleet, Prepare};
pub(crate) use self::programs::Programs;

/// What to set up.
#[derive(Clone, Debug)]
pub struct DevOptions {
    /// How many minions.
    pub minions: u16,
    /// A shell command to run against it, in place of waiting.
    pub exec: Option<String>,
    /// The folder of modules, which all minions watch; copies of the one beside this program, or of the
    /// installed one, where nothing is said.
    pub modules: Option<PathBuf>,
}

/// How a trial came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DevEnd {
    /// It was ready, and then it was told to stop.
    Stopped,
    /// It was told to stop before it was ready.
    NeverReady,
    /// The command ended, with this exit code.
    Command(u8),
}

/// Sets everything up, runs the command or waits for `stop`, and leaves nothing behind.
///
/// `ready` gets a text for people that says what to type next; it is not called where there is a command.
pub async fn run(
    options: DevOptions,
    ready: impl FnOnce(&str),
    stop: impl Future<Output = ()>,
) -> Result<DevEnd, DevError> {
    let programs = Programs::find(options.modules)?;
    let dir = tempfile::Builder::new().prefix("overlord-dev-").tempdir();
    let dir = dir.map_err(DevError::system("make a folder for the trial"))?;
    let mut fleet = Fleet::new(&programs, dir.path());
    let mut stop = pin!(stop);

    let ended = tokio::select! {
        started = fleet.start(options.minions) => match (started, options.exec) {
            (Err(error), _) => Err(error),
            (Ok((folder, _)), Some(command)) => {
                run_command(&command, folder.dir(), &programs, stop).await.map(DevEnd::Command)
            }
            (Ok((folder, address)), None) => {
                ready(&next_steps(&programs, folder.dir(), &address, options.minions));
                stop.await;
                Ok(DevEnd::Stopped)
            }
        },
        () = &mut stop => Ok(DevEnd::NeverReady),
    };
    // 1. The daemons stop. 2. Their folder goes.
    fleet.stop().await;
    let removed = dir.close().map_err(DevError::system("remove the folder of the trial"));
    let ended = ended?;
    removed.map(|()| ended)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_folder_without_modules_says_how_to_build_them() {
        let dir = tempfile::tempdir().expect("a folder");
        // The test binary stands for the program: the minion's is looked for beside it first.
        let options = DevOptions { minions: 1, exec: None, modules: Some(dir.path().to_owned()) };
        let error = run(options, |_| (), std::future::pending()).await.expect_err("nothing there");
        assert!(matches!(error, DevError::NoMinionProgram(_) | DevError::NoModules(_)), "{error}");
    }
}
