//! `overlord man`

use std::path::PathBuf;

use clap::{Args, CommandFactory as _};

use overlord::cli::{CliError, Exit};

use crate::Cli;

/// Write the man pages of all commands into a folder
#[derive(Debug, Args)]
#[command(hide = true)]
pub(crate) struct Man {
    /// The folder
    dir: PathBuf,
}

impl Man {
    pub(crate) fn run(self) -> Result<Exit, CliError> {
        let written = std::fs::create_dir_all(&self.dir)
            .and_then(|()| clap_mangen::generate_to(Cli::command(), &self.dir));
        written.map_err(|source| CliError::File { action: "write", path: self.dir, source })?;
        Ok(Exit::Ok)
    }
}
