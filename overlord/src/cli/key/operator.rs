//! `overlord key operator`

use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use wire::signing::PublicKey;
use wire::signing::mandate::KeyCertificate;

use super::super::{CliError, Format, FormatFlag, Global};
use output::{Exit, note, print};

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
pub(in crate::cli) struct Operator {
    /// Keep what an operators' authority says of the key, as `overlord key certify` printed it
    #[arg(long, value_name = "FILE")]
    certificate: Option<PathBuf>,
    #[command(flatten)]
    format: FormatFlag,
}

impl Operator {
    pub(super) fn run(self, global: &Global) -> Result<Exit, CliError> {
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
