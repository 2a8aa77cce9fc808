//! The keys that modules and calls are signed with: `overlord key`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Subcommand};
use output::{Exit, Unprinted, note, print};
use serde_json::json;
use wire::identity::Moment;
use wire::name::OperatorName;
use wire::signing::mandate::KeyCertificate;
use wire::signing::{PublicKey, SigningKey};

use super::{CliError, Format, FormatFlag, Global, brief_duration};

/// Make the keys that modules and calls are signed with
#[derive(Debug, Subcommand)]
pub(super) enum KeyCommand {
    New(New),
    Show(Show),
    Operator(Operator),
    Certify(Certify),
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

/// Make a key to sign modules with, and print its public half
///
/// The public key stands alone on stdout. The file holds the private one: keep it where modules are built, and
/// away from overlord and minions, so that whoever gets hold of those cannot sign.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord key new
  overlord key new ~/keys/modules.key --json")]
pub(super) struct New {
    /// Where to write the key; a file that is there is left alone
    #[arg(default_value = "signing.key")]
    file: PathBuf,
    #[command(flatten)]
    format: FormatFlag,
}

impl New {
    fn run(self) -> Result<Exit, CliError> {
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

/// Print the public half of a signing key
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord key show signing.key
  overlord key show signing.key --json")]
pub(super) struct Show {
    /// The file of the key
    file: PathBuf,
    #[command(flatten)]
    format: FormatFlag,
}

impl Show {
    fn run(self) -> Result<Exit, CliError> {
        let key = SigningKey::load(&self.file)?;
        print_public(&key.public_key(), &self.file, self.format.format())?;
        Ok(Exit::Ok)
    }
}

/// Show the key with which your calls are signed, and make it where there is none
///
/// Minions whose minion.toml says `calls = "signed"` do only what is signed with a key that their owner trusts: the line on
/// stdout is what goes into [access.operators] there. The key is made once, on this machine, and never leaves it; from then
/// on all calls and changes of modules of this context are signed with it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord key operator
  overlord key operator --json
  overlord key operator --certificate ann.cert")]
pub(super) struct Operator {
    /// Keep what an operators' authority says of the key, as `overlord key certify` printed it
    #[arg(long, value_name = "FILE")]
    certificate: Option<PathBuf>,
    #[command(flatten)]
    format: FormatFlag,
}

impl Operator {
    fn run(self, global: &Global) -> Result<Exit, CliError> {
        let folder = global.folder()?.current()?;
        let operator = folder.operator_identity()?.peer().map_err(crate::folder::FolderError::from)?.name;
        let is_new = folder.signing_key()?.is_none();
        let key = folder.make_signing_key()?.public_key();
        if let Some(path) = &self.certificate {
            let text = std::fs::read_to_string(path)
                .map_err(|source| CliError::Unreadable { path: path.clone(), source })?;
            let certificate: KeyCertificate =
                text.parse().map_err(|source| CliError::KeyCertificate { path: path.clone(), source })?;
            if certificate.key() != key || certificate.operator().as_str() != operator {
                return Err(CliError::OtherKey { path: path.clone(), operator, key });
            }
            folder.keep_key_certificate(&certificate)?;
        }
        let until = folder.key_certificate()?.map(|certificate| certificate.until().to_string());
        let file = folder.signing_key_file();
        match self.format.format() {
            Format::Json => print(json!({
                "operator": operator,
                "public_key": key,
                "fingerprint": key.fingerprint(),
                "file": file.display().to_string(),
                "certified_until_at": until,
            }))?,
            Format::Text => {
                print(line(&operator, &key))?;
                if is_new {
                    note(format_args!("made \"{}\": calls are signed with it from now on", file.display()));
                }
                if folder.must_be_there().is_ok() {
                    note(
                        "this key lies beside the overlord: whoever takes that has it too, so trust keys of other machines",
                    );
                }
            }
        }
        Ok(Exit::Ok)
    }
}

/// What the owner of a minion writes into `[access.operators]`.
fn line(operator: &str, key: &PublicKey) -> String {
    let is_bare = operator.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
    if is_bare { format!("{operator} = \"{key}\"") } else { format!("\"{operator}\" = \"{key}\"") }
}

/// Say of a key that it is an operator's, for minions that trust an operators' authority
///
/// The authority is a key that `overlord key new` made. Keep it on a machine of its own, away from overlord and minions, and
/// run this there: it needs no network. Minions trust it by `operators-authority` in [access] in minion.toml.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord key certify --authority operators.key ann ed25519:4D9iYWqEnJeP+/yUPYm5xmCEvpWaD6/gWirJ52aojTk= >ann.cert
  overlord key certify --authority operators.key deploy ed25519:4D9iYWqEnJeP+/yUPYm5xmCEvpWaD6/gWirJ52aojTk= --ttl 30d >deploy.cert")]
pub(super) struct Certify {
    /// The operator, by the name in its certificate
    operator: OperatorName,
    /// The operator's public key, as `overlord key operator` shows it
    key: PublicKey,
    /// The file of the authority's key
    #[arg(long, value_name = "FILE")]
    authority: PathBuf,
    /// How long it is the operator's
    #[arg(long, value_name = "DURATION", value_parser = brief_duration, default_value = "90d")]
    ttl: Duration,
    #[command(flatten)]
    format: FormatFlag,
}

impl Certify {
    fn run(self) -> Result<Exit, CliError> {
        let authority = SigningKey::load(&self.authority)?;
        let until = Moment(Moment::now().0.saturating_add_unsigned(self.ttl.as_secs()));
        let certificate = KeyCertificate::new(self.operator.clone(), self.key, until, &authority);
        match self.format.format() {
            Format::Json => print(json!({
                "operator": self.operator,
                "public_key": self.key,
                "certified_until_at": until.to_string(),
                "authority": authority.public_key(),
                "certificate": certificate.to_string(),
            }))?,
            Format::Text => {
                print(certificate.to_string().trim_end())?;
                note(format_args!(
                    "good until {until}: {} keeps it with `overlord key operator --certificate FILE`, and minions trust it by \
                     `operators-authority = \"{}\"` in [access] in minion.toml",
                    self.operator,
                    authority.public_key()
                ));
            }
        }
        Ok(Exit::Ok)
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
