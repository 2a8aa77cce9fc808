//! Asking before something is changed.

use std::io::{self, IsTerminal as _};

use clap::Args;

use crate::cli::output::note;

/// Whether there is someone who has to be asked.
#[derive(Debug, Args)]
pub(crate) struct Confirm {
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
}

impl Confirm {
    /// Whether to go on. Fails where it must be asked and there is nobody.
    pub(super) fn asks(&self, question: &str) -> anyhow::Result<bool> {
        if self.yes {
            return Ok(true);
        }
        anyhow::ensure!(
            io::stdin().is_terminal() && output::stderr_is_terminal(),
            "there is no terminal to ask on: read what is above, and say --yes"
        );
        note(format_args!("{question}\nGo on? Type y for yes:"));
        let mut line = String::new();
        io::stdin().read_line(&mut line)?;
        Ok(matches!(line.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
    }
}
