//! `overlord minion pending`

use clap::Args;
use machine::clock::{now_ms, rfc3339};
use output::{Column, Exit, FullFlag, Table, note, print, show};
use serde_json::{Value, json};
use wire::digest::Digest;
use wire::document::text::line;
use wire::message::enrolment::{NameHolder, PendingHost};

use super::super::{CliError, Format, FormatFlag, Global, talk};
use crate::client::Client;
use wire::document::text::since;

/// List the hosts that wait to be let in without a token
///
/// Each has run `minion join --overlord ADDRESS --ca-fingerprint FINGERPRINT`, which shows the fingerprint of its key there
/// in the same form: compare the two before you accept it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord minion pending
  overlord minion pending --json")]
pub(in crate::cli) struct Pending {
    #[command(flatten)]
    format: FormatFlag,
    #[command(flatten)]
    full: FullFlag,
}

impl Pending {
    pub(super) fn run(self, global: &Global) -> Result<Exit, CliError> {
        // What a host has to be told to know this overlord: it is in the folder of every operator.
        let authority = global.folder()?.operator_identity().ok().map(|own| Digest::of(own.authority()));
        talk(global, async |client| self.list(client, authority).await)
    }

    async fn list(self, client: &Client, authority: Option<Digest>) -> Result<Exit, CliError> {
        let hosts = client.pending().await?;
        match self.format.format() {
            Format::Json => {
                let authority = authority.map(|authority| authority.to_string());
                print(json!({ "pending": documents(&hosts), "ca_fingerprint": authority }))?;
            }
            Format::Text => {
                show(&table(&hosts, now_ms()).shown(self.full.reader()))?;
                if let Some(authority) = authority {
                    note(format_args!(
                        "a host waits after: minion join --overlord {} --ca-fingerprint {authority}",
                        line(client.address())
                    ));
                }
            }
        }
        Ok(Exit::Ok)
    }
}

pub(super) fn documents(hosts: &[PendingHost]) -> Vec<Value> {
    hosts.iter().map(document).collect()
}

pub(super) fn document(host: &PendingHost) -> Value {
    json!({
        "name": host.name,
        "key": host.key.to_string(),
        "address": host.address,
        "first_asked_at": rfc3339(host.since),
        "last_asked_at": rfc3339(host.asked_at),
        "rejected_by": host.rejected_by,
        "name_is": word(host.holder),
    })
}

/// Who has the name, in one word.
fn word(holder: NameHolder) -> &'static str {
    match holder {
        NameHolder::Nobody => "free",
        NameHolder::Itself => "its-own",
        NameHolder::Absent => "not-connected",
        NameHolder::Connected => "in-use",
        NameHolder::Revoked => "revoked",
    }
}

/// What accepting the host would mean, or why it cannot be accepted.
fn meaning(host: &PendingHost) -> String {
    let name = match host.holder {
        NameHolder::Nobody => "new",
        NameHolder::Itself => "the minion itself, without a certificate that is good",
        NameHolder::Absent => "takes the place of a minion that is not connected",
        NameHolder::Connected => "the name is in use by a minion that is connected",
        NameHolder::Revoked => "the name is that of a minion that was revoked",
    };
    match &host.rejected_by {
        Some(operator) => format!("rejected by {operator}"),
        None => name.to_owned(),
    }
}

pub(in crate::cli) fn table(hosts: &[PendingHost], now: u64) -> Table {
    let columns = [
        Column::whole("NAME"),
        Column::whole("WAITS").right(),
        Column::whole("FROM").minor(),
        Column::wrapped("FINGERPRINT", 16, 64),
        Column::wrapped("STATE", 12, 50),
    ];
    Table::new(columns).with(hosts.iter().map(|host| {
        [
            host.name.to_string(),
            since(host.since, now),
            host.address.clone(),
            host.key.to_string(),
            meaning(host),
        ]
    }))
}
