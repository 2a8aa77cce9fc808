//! `minion man`.

use std::path::PathBuf;

use clap::{Args, CommandFactory as _};
use output::{Context as _, Exit, Failure};

use crate::Cli;

/// Write the man pages of all commands into a folder
#[derive(Debug, Args)]
#[command(hide = true)]
pub(crate) struct Man {
    /// The folder
    folder: PathBuf,
}

impl Man {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let written = std::fs::create_dir_all(&self.folder)
            .and_then(|()| clap_mangen::generate_to(Cli::command(), &self.folder));
        written.with_context(|| format!("cannot write man pages into \"{}\"", self.folder.display()))?;
        Ok(Exit::Ok)
    }
}
