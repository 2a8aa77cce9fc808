//! `overlord key`

mod certify;
mod new;
mod operator;
mod show;

use std::path::Path;

use clap::Subcommand;
use serde_json::json;
use wire::signing::PublicKey;

use super::{CliError, Format, Global};
use output::{Exit, Unprinted, print};

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

/// Prints the public half of the key in a file.
fn print_public(key: &PublicKey, file: &Path, format: Format) -> Result<(), Unprinted> {
    match format {
        Format::Json => print(json!({
            "public_key": key,
            "fingerprint": key.fingerprint(),
            "file": file.display().to_string(),
        })),
        Format::Text => print(key.to_string()),
    }
}
