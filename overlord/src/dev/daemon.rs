//! One daemon of a trial set-up, as a child process.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::{Child, Command};

use super::DevError;

/// A child that runs until its stdin ends, so that it ends with this process however that ends.
pub(super) struct Daemon {
    pub(super) name: String,
    log: PathBuf,
    child: Child,
}

impl Daemon {
    /// Starts `command`, logging to `NAME.log` in `dir`.
    pub(super) fn start(name: &str, mut command: Command, dir: &Path) -> Result<Self, DevError> {
        let log = dir.join(format!("{name}.log"));
        // A daemon that is started again goes on in the log of its former life.
        let file = File::options().create(true).append(true).open(&log);
        let file = file.map_err(DevError::system(format!("write \"{}\"", log.display())))?;
        let copy = file.try_clone().map_err(DevError::system(format!("write \"{}\"", log.display())))?;
        command.stdin(Stdio::piped()).stdout(file).stderr(copy).kill_on_drop(true);
        // A group of its own: Ctrl-C is for us, and we end the daemons in order.
        command.process_group(0);
        let child = command.spawn().map_err(DevError::system(format!("start {name}")))?;
        Ok(Self { name: name.to_owned(), log, child })
    }

    /// Its process id, while nobody has waited for its end.
    pub(super) fn process(&self) -> Option<u32> {
        self.child.id()
    }

    /// Kills it without a warning, and waits until it is gone.
    pub(super) async fn kill(&mut self) -> Result<(), DevError> {
        self.child.kill().await.map_err(DevError::system(format!("kill {}", self.name)))
    }

    /// An error with the end of the log, where the daemon is not running any more.
    pub(super) fn check(&mut self) -> Result<(), DevError> {
        match self.child.try_wait() {
            Ok(None) => Ok(()),
            Ok(Some(status)) => Err(DevError::Died { name: self.name.clone(), status, log: self.log_end() }),
            Err(source) => Err(DevError::System { what: format!("watch {}", self.name), source }),
        }
    }

    /// The last lines that it logged.
    pub(super) fn log_end(&self) -> String {
        let text = fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(LOG_LINES)..].join("\n")
    }

    /// Asks it to stop.
    pub(super) fn ask_to_stop(&mut self) {
        drop(self.child.stdin.take());
    }

    /// Waits until it has stopped, and makes it stop where it takes too long.
    pub(super) async fn stopped(mut self) {
        if tokio::time::timeout(GRACE, self.child.wait()).await.is_err() {
            // Fails only where it has ended in this moment.
            let _ = self.child.kill().await;
        }
    }
}

const LOG_LINES: usize = 15;

/// How long a daemon may take to stop.
const GRACE: Duration = Duration::from_secs(5);
