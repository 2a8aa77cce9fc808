//! The commands of `minion` that authors use: one file for each.

mod bindings;
mod new;
mod pack;
mod sign;

use std::process::ExitCode;

use clap::Subcommand;

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
    pub fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Bindings(bindings) => bindings.run(),
            Self::New(new) => new.run(),
            Self::Pack(pack) => pack.run(),
            Self::Sign(sign) => sign.run(),
        }
    }
}
