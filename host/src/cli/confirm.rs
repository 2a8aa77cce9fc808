//! Asking before something is changed.

use clap::Args;
use output::Failure;

/// Whether there is someone who has to be asked.
#[derive(Debug, Args)]
pub(crate) struct Confirm {
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
}

impl Confirm {
    /// Whether nobody is asked.
    pub(super) fn is_given(&self) -> bool {
        self.yes
    }

    /// Whether to go on. Fails where it must be asked and there is nobody.
    pub(super) fn asks(&self, question: &str) -> Result<bool, Failure> {
        if self.yes {
            return Ok(true);
        }
        Failure::unless(
            output::can_ask(),
            "there is no terminal to ask on: read what is above, and say --yes",
        )?;
        Ok(output::ask(question)?)
    }
}
