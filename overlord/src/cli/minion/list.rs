//! `overlord minion list`

use clap::Args;
use machine::clock::{now_ms, rfc3339};
use output::{Column, Exit, FullFlag, Table, print, show};
use serde_json::json;
use wire::document::text::{line, since};
use wire::identity::{Moment, Validity};
use wire::message::operator::{MinionStanding, MinionStatus, TargetWarning, Trouble};

use super::super::selection::with_warnings;
use super::super::{CliError, Format, FormatFlag};
use super::certificate;
use crate::client::Client;

/// List all minions that are enrolled or revoked
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord minion list
  overlord minion list --json")]
pub(in crate::cli) struct List {
    #[command(flatten)]
    format: FormatFlag,
    #[command(flatten)]
    full: FullFlag,
}

impl List {
    pub(super) async fn run(self, client: &Client) -> Result<Exit, CliError> {
        show_minions(&client.minions().await?, &[], self.format.format(), self.full)
    }
}

/// Prints what there is to say of these minions.
pub(in crate::cli) fn show_minions(
    minions: &[MinionStatus],
    warnings: &[TargetWarning],
    format: Format,
    full: FullFlag,
) -> Result<Exit, CliError> {
    match format {
        Format::Json => {
            let minions: Vec<_> = minions.iter().map(document).collect();
            print(with_warnings(json!({ "minions": minions }), warnings))?;
        }
        Format::Text => {
            let now = now_ms();
            show(&table(minions, now).shown(full.reader()))?;
            for minion in minions {
                let certificate = certificate::said(minion, now);
                let troubles = minion.troubles.iter().map(|trouble| said(trouble, now));
                for line in revoked(minion, now).into_iter().chain(troubles).chain(certificate) {
                    print(format_args!("{}: {line}", minion.name))?;
                }
            }
        }
    }
    Ok(Exit::Ok)
}

fn document(minion: &MinionStatus) -> serde_json::Value {
    json!({
        "name": minion.name,
        "connected": minion.connected,
        "address": minion.address,
        "version": minion.version,
        "key": minion.key.to_string(),
        "module_count": minion.modules,
        "enrolled_at": rfc3339(minion.enrolled_at),
        "last_seen_at": minion.last_seen.map(rfc3339),
        "certificate": certificate::State::of(minion, now_ms()).map(certificate::State::as_str),
        "valid_until_at": minion.valid_until.map(|until| Moment(until).to_string()),
        "standing": match &minion.standing {
            MinionStanding::Enrolled => "enrolled",
            MinionStanding::Revoked { .. } => "revoked",
        },
        "revocation": revocation(&minion.standing),
        "troubles": minion.troubles.iter().map(|trouble| trouble_document(minion, trouble)).collect::<Vec<_>>(),
    })
}

fn revocation(standing: &MinionStanding) -> Option<serde_json::Value> {
    let MinionStanding::Revoked { at, by, why } = standing else { return None };
    Some(json!({ "revoked_at": at.map(rfc3339), "revoked_by": by, "why": why }))
}

/// What there is to say of a minion that may not connect, as it reads on from its name.
fn revoked(minion: &MinionStatus, now: u64) -> Option<String> {
    let MinionStanding::Revoked { at, by, why } = &minion.standing else { return None };
    let ago = at.map(|at| format!(" {} ago", since(at, now))).unwrap_or_default();
    let by = by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
    let why = if why.is_empty() { String::new() } else { format!(" ({})", line(why)) };
    Some(format!(
        "revoked{ago}{by}{why}: `overlord minion unrevoke {0}` lets it in again, `overlord minion remove {0}` forgets it",
        minion.name
    ))
}

fn trouble_document(minion: &MinionStatus, trouble: &Trouble) -> serde_json::Value {
    let (mut document, seen_at) = match trouble {
        Trouble::SecondMinion { address, seen_at } => {
            (json!({ "kind": "second-minion", "address": address }), *seen_at)
        }
        Trouble::Certificate { valid_from, valid_until, seen_at } => {
            let kind = "certificate";
            let (from, until) = (Moment(*valid_from).to_string(), Moment(*valid_until).to_string());
            (json!({ "kind": kind, "valid_from_at": from, "valid_until_at": until }), *seen_at)
        }
    };
    document["seen_at"] = rfc3339(seen_at).into();
    document["message"] = format!("{}: {}", minion.name, said(trouble, now_ms())).into();
    document
}

/// What there is to say of it, and to do about it, as it reads on from the minion's name.
fn said(trouble: &Trouble, now: u64) -> String {
    match trouble {
        Trouble::SecondMinion { address, seen_at } => format!(
            "a second minion under its name is refused, last {} ago from {}: one of them is a copy, or of the same name; give it a \
             name of its own with `overlord minion invite NAME`",
            since(*seen_at, now),
            line(address),
        ),
        Trouble::Certificate { valid_from, valid_until, seen_at } => {
            let valid = Validity { from: *valid_from, until: *valid_until };
            let seen = since(*seen_at, now);
            match i64::try_from(*seen_at / 1000) {
                Ok(at) if at < valid.from => format!(
                    "its certificate is not valid yet by the overlord's clock ({valid}): it was refused {seen} ago; set \
                     the clock of the overlord, or enrol it again with `overlord minion invite NAME`"
                ),
                _ => format!(
                    "its certificate has ended ({valid}): it was refused {seen} ago; enrol it again with `overlord \
                     minion invite NAME`, or set the overlord's clock if that is wrong"
                ),
            }
        }
    }
}

pub(in crate::cli) fn table(minions: &[MinionStatus], now: u64) -> Table {
    let columns = [
        Column::whole("MINION"),
        Column::whole("CONNECTED"),
        Column::whole("CERTIFICATE"),
        Column::whole("MODULES").minor(),
        Column::whole("VERSION").minor(),
        Column::whole("ADDRESS").minor(),
        Column::whole("LAST SEEN").minor(),
    ];
    Table::new(columns).with(minions.iter().map(|minion| row(minion, now)))
}

fn row(minion: &MinionStatus, now: u64) -> Vec<String> {
    let dash = || "-".to_owned();
    let seen = match minion.last_seen {
        _ if minion.connected => "now".to_owned(),
        Some(at) => format!("{} ago", since(at, now)),
        None => "never".to_owned(),
    };
    vec![
        minion.name.to_string(),
        match &minion.standing {
            MinionStanding::Revoked { .. } => "revoked",
            MinionStanding::Enrolled if minion.connected => "yes",
            MinionStanding::Enrolled => "no",
        }
        .to_owned(),
        certificate::State::of(minion, now).map_or_else(dash, |state| state.as_str().to_owned()),
        minion.modules.to_string(),
        minion.version.clone().unwrap_or_else(dash),
        minion.address.clone().unwrap_or_else(dash),
        seen,
    ]
}
