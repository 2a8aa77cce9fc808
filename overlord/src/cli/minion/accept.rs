//! `overlord minion accept` and `overlord minion reject`

use clap::Args;
use output::{Exit, note, print};
use serde_json::json;
use wire::digest::Digest;
use wire::document::text::line;
use wire::message::enrolment::PendingHost;
use wire::name::MinionName;

use super::super::{CliError, Format, FormatFlag};
use super::pending::{document, documents};
use crate::client::Client;

/// Let a host in that waits
///
/// It becomes a minion as soon as it asks again, within half a minute. A minion of that name that is not connected loses
/// the name to it, and its jobs stay with the name; one that is connected keeps it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord minion pending
  overlord minion accept web1 --fingerprint 2c70e12b7a0646f92279f427c7b38e7334d8e5389cff167a1dc30e73f826b683")]
pub(in crate::cli) struct Accept {
    /// The name that it wants, as `overlord minion pending` shows it
    name: MinionName,
    /// The fingerprint that `minion join` shows on the host; without it, the only one that wants the name is meant
    #[arg(long, value_name = "FINGERPRINT")]
    fingerprint: Option<Digest>,
    #[command(flatten)]
    format: FormatFlag,
}

/// Turn hosts away that wait
///
/// They are told, and listed as rejected until they have not asked for a day.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord minion reject web1")]
pub(in crate::cli) struct Reject {
    /// The name that they want, as `overlord minion pending` shows it
    name: MinionName,
    /// Only the one with this fingerprint
    #[arg(long, value_name = "FINGERPRINT")]
    fingerprint: Option<Digest>,
    #[command(flatten)]
    format: FormatFlag,
}

impl Accept {
    pub(super) async fn run(self, client: &Client) -> Result<Exit, CliError> {
        let accepted = client.accept(self.name, self.fingerprint).await?;
        let PendingHost { name, key, address, .. } = &accepted.host;
        match self.format.format() {
            Format::Json => {
                let mut answer = document(&accepted.host);
                answer["replaced"] = accepted.replaced.into();
                print(answer)?;
            }
            Format::Text => {
                print(format_args!("{name}: accepted, with the fingerprint {key}"))?;
                if self.fingerprint.is_none() {
                    note(format_args!(
                        "it asked from {}; compare the fingerprint with what `minion join` shows there, and if it is another: \
                         `overlord minion revoke {name}`",
                        line(address)
                    ));
                }
                if accepted.replaced {
                    note(format_args!("the host that had the name \"{name}\" before is refused from now on"));
                }
            }
        }
        Ok(Exit::Ok)
    }
}

impl Reject {
    pub(super) async fn run(self, client: &Client) -> Result<Exit, CliError> {
        let rejected = client.reject(self.name, self.fingerprint).await?;
        match self.format.format() {
            Format::Json => print(json!({ "pending": documents(&rejected) }))?,
            Format::Text => {
                for PendingHost { name, key, .. } in &rejected {
                    print(format_args!("{name}: rejected, with the fingerprint {key}"))?;
                }
            }
        }
        Ok(Exit::Ok)
    }
}
