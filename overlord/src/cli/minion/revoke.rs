//! `overlord minion revoke`, `unrevoke` and `remove`

use clap::Args;
use output::{Exit, note, print};
use serde_json::json;
use wire::name::MinionName;

use super::super::{CliError, Format, FormatFlag};
use crate::client::Client;

/// Take a minion back: its connection ends at once, and it is not let in again
///
/// It stays listed, as revoked, and its name is nobody else's until `overlord minion unrevoke` or `remove`, or until a host
/// joins with a token that was made for the name afterwards. Tokens that were made for it before are good no longer.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord minion revoke web1
  overlord minion revoke web1 --why 'the host was stolen'")]
pub(in crate::cli) struct Revoke {
    /// The minion
    name: MinionName,
    /// Why, for those who ask later: it is listed, and in the audit log
    #[arg(long, value_name = "REASON", default_value = "", hide_default_value = true)]
    why: String,
    #[command(flatten)]
    format: FormatFlag,
}

/// Let a minion connect again that was revoked, with the key that it has
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord minion unrevoke web1")]
pub(in crate::cli) struct Unrevoke {
    /// The minion
    name: MinionName,
    #[command(flatten)]
    format: FormatFlag,
}

/// Forget a minion: it is not listed nor let in any more, and its name is free
///
/// Its jobs stay on record. A host that is to be a minion again needs a token, or an operator who accepts it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord minion remove web1")]
pub(in crate::cli) struct Remove {
    /// The minion
    name: MinionName,
    #[command(flatten)]
    format: FormatFlag,
}

impl Revoke {
    pub(super) async fn run(self, client: &Client) -> Result<Exit, CliError> {
        let Self { name, why, format } = self;
        let revoked = client.revoke(name.clone(), why).await?;
        match format.format() {
            Format::Json => print(json!({
                "name": name, "was_connected": revoked.was_connected, "globs": revoked.globs,
            }))?,
            Format::Text => {
                let became =
                    if revoked.was_connected { "its connection was ended" } else { "it was not connected" };
                print(format_args!("{name}: revoked; {became}"))?;
            }
        }
        if !revoked.globs.is_empty() {
            let (globs, first) = (revoked.globs.join("\", \""), &revoked.globs[0]);
            note(format_args!(
                "there are open tokens for \"{globs}\": whoever has one of them can still join under another name; \
                 `overlord minion uninvite '{first}'` withdraws it"
            ));
        }
        Ok(Exit::Ok)
    }
}

impl Unrevoke {
    pub(super) async fn run(self, client: &Client) -> Result<Exit, CliError> {
        client.unrevoke(self.name.clone()).await?;
        match self.format.format() {
            Format::Json => print(json!({ "name": self.name }))?,
            Format::Text => print(format_args!("{}: may connect again", self.name))?,
        }
        Ok(Exit::Ok)
    }
}

impl Remove {
    pub(super) async fn run(self, client: &Client) -> Result<Exit, CliError> {
        client.remove_minion(self.name.clone()).await?;
        match self.format.format() {
            Format::Json => print(json!({ "name": self.name }))?,
            Format::Text => print(format_args!("{}: removed; its jobs stay on record", self.name))?,
        }
        Ok(Exit::Ok)
    }
}
