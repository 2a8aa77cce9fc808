//! A trial set-up: an overlord and minions as real processes on loopback, in a folder that is thrown away.

mod command;
mod daemon;
mod error;
mod fleet;
mod grants;
mod programs;

use std::path::{Path, PathBuf};
use std::pin::pin;

use policy::suggestion::USUAL_LEVEL;

use self::command::run_command;
pub use self::error::DevError;
use self::fleet::SWARM;
pub use self::fleet::{Fleet, Prepare};
use self::grants::Granted;
pub use self::programs::Programs;

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
    /// The levels that all modules are granted which suggest them. Where nothing is said, those that come with this
    /// program are granted the usual level, and those of a folder that somebody named nothing.
    pub grant: Vec<String>,
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
/// `granted` gets a line that says what modules are granted, and then `ready` a text that says what to type next, where there is
/// no command.
pub async fn run(
    options: DevOptions,
    granted: impl FnOnce(&str),
    ready: impl FnOnce(&str),
    stop: impl Future<Output = ()>,
) -> Result<DevEnd, DevError> {
    let grant = match (options.grant.is_empty(), &options.modules) {
        (true, None) => vec![USUAL_LEVEL.to_owned()],
        _ => options.grant,
    };
    let programs = Programs::find(options.modules)?;
    let dir = tempfile::Builder::new().prefix("overlord-dev-").tempdir();
    let dir = dir.map_err(DevError::system("make a folder for the trial"))?;
    let mut fleet = Fleet::new(&programs, dir.path()).granting(grant).swarming();
    let mut stop = pin!(stop);

    let started = tokio::select! {
        started = fleet.start(options.minions) => Some(started),
        () = &mut stop => None,
    };
    let ended = match (started, options.exec) {
        (None, _) => Ok(DevEnd::NeverReady),
        (Some(Err(error)), _) => Err(error),
        (Some(Ok((folder, _))), Some(command)) => {
            granted(&fleet.granted().line());
            run_command(&command, folder.dir(), &programs, stop).await.map(DevEnd::Command)
        }
        (Some(Ok((folder, address))), None) => {
            granted(&fleet.granted().line());
            ready(&next_steps(&programs, fleet.granted(), folder.dir(), &address, options.minions));
            stop.await;
            Ok(DevEnd::Stopped)
        }
    };
    // 1. The daemons stop. 2. Their folder goes.
    fleet.stop().await;
    let removed = dir.close().map_err(DevError::system("remove the folder of the trial"));
    let ended = ended?;
    removed.map(|()| ended)
}

fn next_steps(programs: &Programs, granted: &Granted, folder: &Path, address: &str, minions: u16) -> String {
    let dir = programs.dir();
    let known =
        std::env::var_os("PATH").is_some_and(|path| std::env::split_paths(&path).any(|known| known == dir));
    let path = if known { String::new() } else { format!("  export PATH=\"{}:$PATH\"\n", dir.display()) };
    let trial = folder.parent().unwrap_or(folder).display();
    let mut steps = vec!["overlord doc".to_owned()];
    if granted.has("system") {
        steps.push("overlord call '*' system.info".to_owned());
    }
    if granted.knows("test") {
        steps.extend(
            ["test.add 2 3", "test.sleep 3000 --async"].map(|call| format!("overlord call '*' {call}")),
        );
    }
    steps.extend(["overlord job list", "overlord job history ID"].map(str::to_owned));
    if granted.has("process") {
        let folder = if folder.with_file_name(SWARM).exists() { SWARM } else { "web1" };
        steps.push(format!("MINION_DIR=\"{trial}/{folder}\" minion grant process:manage"));
    }
    format!(
        "an overlord at {address} and {minions} minions are ready; in another terminal type\n\n\
         {path}  export OVERLORD_DIR=\"{}\"\n  {}\n\n\
         logs are in \"{trial}\"; Ctrl-C here ends everything and removes it",
        folder.display(),
        steps.join("\n  "),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_folder_without_modules_says_how_to_build_them() {
        let dir = tempfile::tempdir().expect("a folder");
        // The test binary stands for the program: the minion's is looked for beside it first.
        let options =
            DevOptions { minions: 1, exec: None, modules: Some(dir.path().to_owned()), grant: Vec::new() };
        let error = run(options, |_| (), |_| (), std::future::pending()).await.expect_err("nothing there");
        assert!(matches!(error, DevError::NoMinionProgram(_) | DevError::NoModules(_)), "{error}");
    }
}
