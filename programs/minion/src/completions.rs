//! `minion completions`.

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;
use output::{Exit, Failure};

use minion_host::cli::print;

use crate::Cli;

/// Print a completion script for a shell
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  minion completions bash > /etc/bash_completion.d/minion
  minion completions fish > ~/.config/fish/completions/minion.fish")]
pub(crate) struct Completions {
    /// Which shell
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "minion", &mut script);
        print(String::from_utf8_lossy(&script).trim_end());
        Ok(Exit::Ok)
    }
}
