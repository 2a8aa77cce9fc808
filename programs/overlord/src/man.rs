//! `overlord man`

use std::path::PathBuf;

use clap::{Args, CommandFactory as _};

use super::{Cli, CliError, Exit};

/// Write the man pages of all commands into a folder
#[derive(Debug, Args)]
#[command(hide = true)]
pub(super) struct Man {
    /// The folder
    dir: PathBuf,
}

impl Man {
    pub(super) fn run(self) -> Result<Exit, CliError> {
        let written = std::fs::create_dir_all(&self.dir)
            .and_then(|()| clap_mangen::generate_to(Cli::command(), &self.dir));
        written.map_err(|source| CliError::File { action: "write", path: self.dir, source })?;
        Ok(Exit::Ok)
    }
}
