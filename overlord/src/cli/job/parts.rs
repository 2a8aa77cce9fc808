//! Which parts of a job a command is about.

use clap::Args;
use wire::message::operator::Target;

use crate::cli::selection::Lenient;

/// A job, and those of its parts that are meant: all, where no target is given.
#[derive(Debug, Args)]
pub(super) struct Parts {
    /// The job's id, or a unique beginning of it
    job: String,
    /// Only on those of its minions that match
    #[arg(long, value_name = "EXPR")]
    target: Option<String>,
    #[command(flatten)]
    lenient: Lenient,
}

impl Parts {
    /// The job, and the target.
    pub(super) fn meant(self) -> (String, Option<Target>) {
        (self.job, self.target.map(|expression| self.lenient.of(expression)))
    }
}
