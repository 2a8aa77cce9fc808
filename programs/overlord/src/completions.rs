//! `overlord completions`

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use overlord::cli::output::print;
use overlord::cli::{CliError, Exit};

use crate::Cli;

/// Print a completion script for a shell
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord completions bash > /etc/bash_completion.d/overlord
  overlord completions fish > ~/.config/fish/completions/overlord.fish")]
pub(crate) struct Completions {
    /// Which shell
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(self) -> Result<Exit, CliError> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "overlord", &mut script);
        print(String::from_utf8_lossy(&script).trim_end())?;
        Ok(Exit::Ok)
    }
}
