//! `overlord key`

mod certify;
mod new;
mod operator;
mod public;
mod show;

use clap::Subcommand;
use output::Exit;

use super::{CliError, Global};

/// Make the keys that modules and calls are signed with
#[derive(Debug, Subcommand)]
pub(super) enum KeyCommand {
    New(new::New),
    Show(show::Show),
    Operator(operator::Operator),
    Certify(certify::Certify),
}

impl KeyCommand {
    pub(super) fn run(self, global: &Global) -> Result<Exit, CliError> {
        match self {
            KeyCommand::New(command) => command.run(),
            KeyCommand::Show(command) => command.run(),
            KeyCommand::Operator(command) => command.run(global),
            KeyCommand::Certify(command) => command.run(),
        }
    }
}
