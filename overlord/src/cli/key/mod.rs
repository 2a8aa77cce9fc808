//! `overlord key`

mod new;
mod show;

use std::path::Path;

use clap::Subcommand;
use serde_json::json;
use wire::signing::PublicKey;

use super::{CliError, Format};
use output::{Exit, Unprinted, print};

/// Make the keys that modules are signed with
#[derive(Debug, Subcommand)]
pub(super) enum KeyCommand {
    New(new::New),
    Show(show::Show),
}

impl KeyCommand {
    pub(super) fn run(self) -> Result<Exit, CliError> {
        match self {
            KeyCommand::New(command) => command.run(),
            KeyCommand::Show(command) => command.run(),
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
