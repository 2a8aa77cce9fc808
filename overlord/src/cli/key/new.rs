//! `overlord key new`

use std::path::PathBuf;

use clap::Args;
use wire::signing::SigningKey;

use super::super::{CliError, Format, FormatFlag};
use super::public::print_public;
use output::{Exit, note};

/// Make a key to sign modules with, and print its public half
///
/// The public key stands alone on stdout. The file holds the private one: keep it where modules are built, and
/// away from overlord and minions, so that whoever gets hold of those cannot sign.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord key new
  overlord key new ~/keys/modules.key --json")]
pub(in crate::cli) struct New {
    /// Where to write the key; a file that is there is left alone
    #[arg(default_value = "signing.key")]
    file: PathBuf,
    #[command(flatten)]
    format: FormatFlag,
}

impl New {
    pub(super) fn run(self) -> Result<Exit, CliError> {
        let key = SigningKey::generate()?;
        key.save_new(&self.file)?;
        let (public, format) = (key.public_key(), self.format.format());
        print_public(&public, &self.file, format)?;
        if format == Format::Text {
            let file = self.file.display();
            note(format_args!("wrote \"{file}\"; sign with it: minion sign FILE.wasm --key {file}"));
            note(format_args!(
                "minions trust it by `trusted = [\"{public}\"]` in [signatures] in minion.toml"
            ));
        }
        Ok(Exit::Ok)
    }
}
