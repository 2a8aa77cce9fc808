//! Asking the person at a terminal.

use std::io::{self, IsTerminal as _};

use clap::Args;

use crate::failure::Failure;
use crate::screen::{note, stderr_is_terminal};

/// Whether there is a person to ask: both stdin and stderr are terminals.
pub fn can_ask() -> bool {
    io::stdin().is_terminal() && stderr_is_terminal()
}

/// Says on stderr what would be done, asks whether to go on, and waits for the answer. Only a clear yes (`y`, `yes`) is
/// one; no answer at all is a no.
///
/// # Errors
/// Where stdin cannot be read.
pub fn ask(question: &str) -> io::Result<bool> {
    note(format_args!("{question}\nGo on? Type y for yes:"));
    let mut line = String::new();
    io::stdin().read_line(&mut line)?;
    Ok(matches!(line.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

/// Whether there is someone who has to be asked.
#[derive(Debug, Args)]
pub struct Confirm {
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
}

impl Confirm {
    /// Whether nobody is asked.
    pub fn is_given(&self) -> bool {
        self.yes
    }

    /// Whether to go on. Fails where it must be asked and there is nobody.
    pub fn asks(&self, question: &str) -> Result<bool, Failure> {
        if self.yes {
            return Ok(true);
        }
        Failure::unless(can_ask(), "there is no terminal to ask on: read what is above, and say --yes")?;
        Ok(ask(question)?)
    }
}
