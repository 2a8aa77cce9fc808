//! The commands of `minion` that authors use: one file for each.

mod bindings;
mod new;
mod pack;
mod sign;

use clap::Subcommand;
use output::{Exit, Fails, Failure};

use crate::AuthoringError;
use crate::scaffold::ScaffoldError;

/// A command of authors.
#[derive(Debug, Subcommand)]
#[expect(
    missing_docs,
    private_interfaces,
    reason = "each command tells its own, and is only run from outside"
)]
pub enum Command {
    Bindings(bindings::Bindings),
    New(new::New),
    Pack(pack::Pack),
    Sign(sign::Sign),
}

impl Command {
    /// Does what was asked for.
    pub fn run(self) -> Result<Exit, Failure> {
        match self {
            Self::Bindings(bindings) => bindings.run(),
            Self::New(new) => new.run(),
            Self::Pack(pack) => pack.run(),
            Self::Sign(sign) => sign.run(),
        }
    }
}

impl Fails for AuthoringError {}
impl Fails for ScaffoldError {}
