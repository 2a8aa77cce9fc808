//! What both programs make of their own command lines: completion scripts, and man pages.

use std::path::PathBuf;

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::exit::Exit;
use crate::fails::Context as _;
use crate::failure::Failure;
use crate::screen::print;

/// Print a completion script for a shell
#[derive(Debug, Args)]
pub struct Completions {
    /// Which shell
    shell: Shell,
}

impl Completions {
    /// Prints the script for the program `P`.
    pub fn run<P: CommandFactory>(self) -> Result<Exit, Failure> {
        let mut program = P::command();
        let (mut script, name) = (Vec::new(), program.get_name().to_owned());
        clap_complete::generate(self.shell, &mut program, name, &mut script);
        print(String::from_utf8_lossy(&script).trim_end())?;
        Ok(Exit::Ok)
    }
}

/// Write the man pages of all commands into a folder
#[derive(Debug, Args)]
#[command(hide = true)]
pub struct Man {
    /// The folder
    folder: PathBuf,
}

impl Man {
    /// Writes the pages of the program `P`.
    pub fn run<P: CommandFactory>(self) -> Result<Exit, Failure> {
        let written = std::fs::create_dir_all(&self.folder)
            .and_then(|()| clap_mangen::generate_to(P::command(), &self.folder));
        written.with_context(|| format!("cannot write man pages into \"{}\"", self.folder.display()))?;
        Ok(Exit::Ok)
    }
}
