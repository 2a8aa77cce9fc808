//! `overlord key certify`

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde_json::json;
use wire::identity::Moment;
use wire::name::OperatorName;
use wire::signing::mandate::KeyCertificate;
use wire::signing::{PublicKey, SigningKey};

use super::super::{CliError, Format, FormatFlag, brief_duration};
use output::{Exit, note, print};

/// Say of a key that it is an operator's, for minions that trust an operators' authority
///
/// The authority is a key that `overlord key new` made. Keep it on a machine of its own, away from overlord and minions, and
/// run this there: it needs no network. Minions trust it by `operators-authority` in [access] in minion.toml.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord key certify --authority operators.key ann ed25519:4D9iYWqEnJeP+/yUPYm5xmCEvpWaD6/gWirJ52aojTk= >ann.cert
  overlord key certify --authority operators.key deploy ed25519:4D9iYWqEnJeP+/yUPYm5xmCEvpWaD6/gWirJ52aojTk= --ttl 30d >deploy.cert")]
pub(in crate::cli) struct Certify {
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
    pub(super) fn run(self) -> Result<Exit, CliError> {
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
