//! `overlord dev`

use std::path::PathBuf;

use clap::Args;

use super::signals::StopSignals;
use super::{CliError, Global};
use crate::dev::{self, DevEnd, DevOptions};
use output::{Exit, note, print};

/// Try everything on this host: an overlord and some minions, until Ctrl-C
///
/// Makes a throw-away folder with new identities, runs a real overlord and real minions on loopback, and
/// ends and removes all of it. The minions run as you: the modules that come with this program are granted to read what
/// they show, and those of --modules nothing unless --grant says so. More than 20 minions share one process and one copy of the
/// modules, so that what is pushed to one of them is pushed to all.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord dev
  overlord dev --minions 5 --exec \"overlord call '*' system.info\"
  overlord dev --minions 1000
  overlord dev --modules target/modules --grant read")]
pub(super) struct Dev {
    /// How many minions to run: web1, web2, …; more than 20 run in one process, as `minion swarm` does it
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=20_000))]
    minions: u16,
    /// Run this shell command instead of waiting for Ctrl-C, with OVERLORD_DIR set and this program in PATH,
    /// and exit with its exit code
    #[arg(long, value_name = "COMMAND")]
    exec: Option<String>,
    /// A folder of modules that all minions watch [default: for each a copy of the folder modules beside this
    /// program, or of /usr/lib/minion/modules]
    #[arg(long, value_name = "DIR")]
    modules: Option<PathBuf>,
    /// Grant all modules what they suggest at this level; several are separated by commas [default: read for the
    /// bundled modules, nothing for those of --modules]
    #[arg(long, value_name = "LEVEL", value_delimiter = ',')]
    grant: Vec<String>,
}

impl Dev {
    pub(super) fn run(self, global: &Global) -> Result<Exit, CliError> {
        if global.dir().is_some() {
            return Err(CliError::Usage("`overlord dev` makes a folder of its own: leave --dir out"));
        }
        let options =
            DevOptions { minions: self.minions, exec: self.exec, modules: self.modules, grant: self.grant };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.map_err(CliError::Runtime)?.block_on(async {
            let mut signals = StopSignals::listen()?;
            // Nobody may read what to type next.
            let ready = |next: &str| drop(print(next));
            Ok(
                match dev::run(options, |granted| note(granted), ready, async move { signals.next().await })
                    .await?
                {
                    DevEnd::Stopped => Exit::Ok,
                    DevEnd::NeverReady => Exit::Interrupted,
                    DevEnd::Command(code) => Exit::Command(code),
                },
            )
        })
    }
}
