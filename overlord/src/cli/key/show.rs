//! `overlord key show`

use std::path::PathBuf;

use clap::Args;
use output::Exit;
use wire::signing::SigningKey;

use super::super::{CliError, FormatFlag};
use super::public::print_public;

/// Print the public half of a signing key
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord key show signing.key
  overlord key show signing.key --json")]
pub(in crate::cli) struct Show {
    /// The file of the key
    file: PathBuf,
    #[command(flatten)]
    format: FormatFlag,
}

impl Show {
    pub(super) fn run(self) -> Result<Exit, CliError> {
        let key = SigningKey::load(&self.file)?;
        print_public(&key.public_key(), &self.file, self.format.format())?;
        Ok(Exit::Ok)
    }
}
