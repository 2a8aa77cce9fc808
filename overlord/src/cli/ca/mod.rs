//! The authority of the overlord: `overlord ca`.

pub(super) mod status;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use output::{Exit, FullFlag, note, print};
use serde_json::json;

use self::status::show_status;
use super::{CliError, Format, FormatFlag, Global, talk};
use crate::authorities::{self, EncryptionError};
use crate::client::Client;

/// See the authority that signs certificates, and move to another one
#[derive(Debug, Subcommand)]
pub(super) enum CaCommand {
    Status(status::Status),
    Rotate(Rotate),
    ExportCsr(ExportCsr),
    Import(Import),
    Encrypt(Encrypt),
    Decrypt(Decrypt),
}

impl CaCommand {
    pub(super) fn run(self, global: &Global) -> Result<Exit, CliError> {
        match self {
            CaCommand::Status(command) => talk(global, async |client| command.run(client).await),
            CaCommand::Rotate(command) => talk(global, async |client| command.run(client).await),
            CaCommand::ExportCsr(command) => talk(global, async |client| command.run(client).await),
            CaCommand::Import(command) => talk(global, async |client| command.run(client).await),
            CaCommand::Encrypt(command) => command.run(global),
            CaCommand::Decrypt(command) => command.run(global),
        }
    }
}

/// Encrypt the authority's key on disk, with a passphrase from a file
///
/// On the overlord's own host. The daemon needs the passphrase only when it starts, and when it makes another key.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord ca encrypt
  overlord ca encrypt --passphrase-file /etc/overlord/passphrase")]
pub(super) struct Encrypt {
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
pub(super) struct Decrypt {
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
    fn run(self, global: &Global) -> Result<Exit, CliError> {
        change(global, self.passphrase, self.format, true, authorities::encrypt)
    }
}

impl Decrypt {
    fn run(self, global: &Global) -> Result<Exit, CliError> {
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

/// Make a key for an intermediate authority, and print the request to sign it
///
/// The key stays with the overlord. Sign the request with a root that is elsewhere, and bring what was signed with `overlord ca
/// import`. Each request is for another key, which replaces that of the one before.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord ca export-csr > overlord.csr
  overlord ca export-csr --json")]
pub(super) struct ExportCsr {
    #[command(flatten)]
    format: FormatFlag,
}

impl ExportCsr {
    async fn run(self, client: &Client) -> Result<Exit, CliError> {
        let request = client.export_signing_request().await?;
        match self.format.format() {
            Format::Json => print(json!({ "signing_request": request }))?,
            Format::Text => {
                print(request.trim_end())?;
                note("sign it with the root, and bring the chain with `overlord ca import CHAIN`");
            }
        }
        Ok(Exit::Ok)
    }
}

/// Move to the authority that was signed for `overlord ca export-csr`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord ca import chain.pem
  overlord ca status")]
pub(super) struct Import {
    /// The certificates in PEM: that of the intermediate, all up to the root, and the root's own
    #[arg(value_name = "CHAIN")]
    chain: PathBuf,
    #[command(flatten)]
    format: FormatFlag,
    #[command(flatten)]
    full: FullFlag,
}

impl Import {
    async fn run(self, client: &Client) -> Result<Exit, CliError> {
        let pem = std::fs::read_to_string(&self.chain)
            .map_err(|source| CliError::Unreadable { path: self.chain.clone(), source })?;
        let status = client.import_authority(pem).await?;
        show_status(&status, self.format.format(), self.full)
    }
}

/// Move to a new authority: begin, go back, or finish
///
/// Without a flag, makes a new authority and asks everybody to renew: calls and jobs go on. `overlord ca status` shows who is
/// missing. Nothing is let go of before `--finish`, and until then `--back` leads back.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord ca rotate
  overlord ca rotate --finish
  overlord ca rotate --finish --leave-behind web7
  overlord ca rotate --back")]
pub(super) struct Rotate {
    /// Let go of the authority that does not sign any more; refused while somebody needs it
    #[arg(long, conflicts_with = "back")]
    finish: bool,
    /// Go back to the authority before the move
    #[arg(long)]
    back: bool,
    /// Finish although this minion or operator still needs it, which has to join or log in anew
    #[arg(long, value_name = "NAME", requires = "finish")]
    leave_behind: Vec<String>,
    /// Finish whoever still needs it
    #[arg(long, requires = "finish")]
    force: bool,
    #[command(flatten)]
    format: FormatFlag,
    #[command(flatten)]
    full: FullFlag,
}

impl Rotate {
    async fn run(self, client: &Client) -> Result<Exit, CliError> {
        let status = match (self.finish, self.back) {
            (true, _) => client.finish_rotation(self.leave_behind, self.force).await?,
            (_, true) => client.take_rotation_back().await?,
            _ => client.rotate_authority().await?,
        };
        let exit = show_status(&status, self.format.format(), self.full)?;
        if !self.back {
            output::note(
                "back up the overlord's folder now: a backup from before this step does not bring back a fleet that has moved on",
            );
        }
        Ok(exit)
    }
}
