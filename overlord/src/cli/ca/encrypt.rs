//! `overlord ca encrypt` and `overlord ca decrypt`

use std::path::{Path, PathBuf};

use clap::Args;
use output::{Exit, print};
use serde_json::json;

use super::super::{CliError, Format, FormatFlag, Global};
use crate::authorities::{self, EncryptionError};

/// Encrypt the authority's key on disk, with a passphrase from a file
///
/// On the overlord's own host. The daemon needs the passphrase only when it starts, and when it makes another key.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord ca encrypt
  overlord ca encrypt --passphrase-file /etc/overlord/passphrase")]
pub(in crate::cli) struct Encrypt {
    #[command(flatten)]
    passphrase: PassphraseFlag,
    #[command(flatten)]
    format: FormatFlag,
}

/// Decrypt the authority's key on disk
///
/// On the overlord's own host. Take `passphrase-file` out of overlord.toml afterwards, or keys that are made later are encrypted.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord ca decrypt
  overlord ca decrypt --passphrase-file /etc/overlord/passphrase")]
pub(in crate::cli) struct Decrypt {
    #[command(flatten)]
    passphrase: PassphraseFlag,
    #[command(flatten)]
    format: FormatFlag,
}

/// Where the passphrase is.
#[derive(Debug, Args)]
struct PassphraseFlag {
    /// The file whose first line is the passphrase [default: `passphrase-file` of overlord.toml, or systemd's credential
    /// "authority-passphrase"]
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

impl Encrypt {
    pub(super) fn run(self, global: &Global) -> Result<Exit, CliError> {
        change(global, self.passphrase, self.format, true, authorities::encrypt)
    }
}

impl Decrypt {
    pub(super) fn run(self, global: &Global) -> Result<Exit, CliError> {
        change(global, self.passphrase, self.format, false, authorities::decrypt)
    }
}

fn change(
    global: &Global,
    passphrase: PassphraseFlag,
    format: FormatFlag,
    encrypted: bool,
    change: fn(&Path, Option<PathBuf>) -> Result<usize, EncryptionError>,
) -> Result<Exit, CliError> {
    let folder = global.folder()?;
    folder.must_be_there()?;
    let given = passphrase.passphrase_file.map(std::path::absolute).transpose().map_err(CliError::Runtime)?;
    let file = match given {
        Some(given) => Some(given),
        None => folder.passphrase_file()?,
    };
    let count = change(folder.dir(), file).map_err(|error| CliError::Brought(error.into()))?;
    match format.format() {
        Format::Json => print(json!({ "encrypted": encrypted, "key_count": count }))?,
        Format::Text => {
            let done = if encrypted { "encrypted" } else { "decrypted" };
            print(format_args!("keys that are {done} now in \"{}\": {count}", folder.dir().display()))?;
        }
    }
    Ok(Exit::Ok)
}
