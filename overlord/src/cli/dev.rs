//! `overlord dev`

use std::path::PathBuf;

use clap::Args;

use super::output::print;
use super::signals::StopSignals;
use super::{CliError, Exit, Global};
use crate::dev::{self, DevEnd, DevOptions};

/// Try everything on this host: an overlord and some minions, until Ctrl-C
///
/// Makes a throw-away folder with new identities, runs a real overlord and real minions on loopback, and
/// ends and removes all of it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord dev
  overlord dev --minions 5 --exec \"overlord call '*' test.add 2 3\"")]
pub(super) struct Dev {
    /// How many minions to run: web1, web2, …
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=500))]
    minions: u16,
    /// Run this shell command instead of waiting for Ctrl-C, with OVERLORD_DIR set and this program in PATH,
    /// and exit with its exit code
    #[arg(long, value_name = "COMMAND")]
    exec: Option<String>,
    /// A folder of modules that all minions watch [default: for each a copy of the folder modules beside this
    /// program, or of /usr/lib/minion/modules]
    #[arg(long, value_name = "DIR")]
    modules: Option<PathBuf>,
}

impl Dev {
    pub(super) fn run(self, global: &Global) -> Result<Exit, CliError> {
        if global.dir.is_some() {
            return Err(CliError::Usage("`overlord dev` makes a folder of its own: leave --dir out"));
        }
        let options = DevOptions { minions: self.minions, exec: self.exec, modules: self.modules };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.map_err(CliError::Runtime)?.block_on(async {
            let mut signals = StopSignals::listen()?;
            // Nobody may read what to type next.
            let ready = |next: &str| drop(print(next));
            Ok(match dev::run(options, ready, async move { signals.next().await }).await? {
                DevEnd::Stopped => Exit::Ok,
                DevEnd::NeverReady => Exit::Interrupted,
                DevEnd::Command(code) => Exit::Command(code),
            })
        })
    }
}
