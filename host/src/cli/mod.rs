//! The command line of `minion`: one file for each command.

mod join;
mod serve;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::folder::{Folder, FolderError};

/// Runs sandboxed modules on this host for an overlord.
#[derive(Debug, Parser)]
#[command(name = "minion", version, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Subcommand)]
enum Command {
    Join(join::Join),
    Serve(serve::Serve),
}

/// Where the minion is.
#[derive(Debug, Args)]
struct Place {
    /// The minion's folder [default: /var/lib/minion for root, ~/.local/share/minion otherwise]
    #[arg(long, global = true, value_name = "DIR", env = "MINION_DIR", hide_env_values = true)]
    dir: Option<PathBuf>,
}

impl Cli {
    /// Does what was asked for.
    pub async fn run(self) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::Join(join) => join.run(&self.place).await,
            Command::Serve(serve) => serve.run(&self.place).await,
        }
    }
}

impl Place {
    fn folder(&self) -> Result<Folder, FolderError> {
        Folder::locate(self.dir.clone())
    }
}
