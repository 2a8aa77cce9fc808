//! `overlord ca status`

use clap::Args;
use machine::clock::{now_ms, rfc3339};
use output::{Column, Exit, FullFlag, Table, print, show};
use serde_json::{Value as Json, json};
use wire::document::text::since;
use wire::identity::Moment;
use wire::message::authority::{AuthorityState, AuthorityStatus, Lack, Missing, MoveStep};

use super::super::{CliError, Format, FormatFlag};
use crate::authorities::SOON_SECS;
use crate::client::Client;

/// Show the authority, how far the move to another one is, and who is missing
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord ca status
  overlord ca status --json")]
pub(in crate::cli) struct Status {
    #[command(flatten)]
    format: FormatFlag,
    #[command(flatten)]
    full: FullFlag,
}

impl Status {
    pub(super) async fn run(self, client: &Client) -> Result<Exit, CliError> {
        let status = client.authorities().await?;
        show_status(&status, self.format.format(), self.full)
    }
}

/// Shows how it stands, as all commands of a move do at their end.
pub(super) fn show_status(
    status: &AuthorityStatus,
    format: Format,
    full: FullFlag,
) -> Result<Exit, CliError> {
    let Moment(now) = Moment::now();
    if format == Format::Json {
        print(document(status, now))?;
        return Ok(Exit::Ok);
    }
    show(&authorities(&status.authorities).shown(full.reader()))?;
    if !status.missing.is_empty() {
        print("")?;
        show(&missing(&status.missing, now_ms()).shown(full.reader()))?;
    }
    print(format_args!("\n{}", next_step(status)))?;
    for authority in status.authorities.iter().filter(|one| ends_soon(one, now)) {
        let (fingerprint, until) = (authority.fingerprint.short(), Moment(authority.valid_until));
        output::note(format_args!(
            "the authority {fingerprint} ends at {until}: `overlord ca rotate` moves to another"
        ));
    }
    Ok(Exit::Ok)
}

/// How it stands, as a program reads it.
fn document(status: &AuthorityStatus, now: i64) -> Json {
    let authority = |one: &AuthorityState| {
        json!({
            "id": one.id.to_string(),
            "fingerprint": one.fingerprint.to_string(),
            "valid_from_at": Moment(one.valid_from).to_string(),
            "valid_until_at": Moment(one.valid_until).to_string(),
            "ends_soon": ends_soon(one, now),
            "issues": one.issues,
            "shown": one.shown,
            "encrypted": one.encrypted,
            "minion_count": one.minions,
            "operator_count": one.operators,
        })
    };
    let missing = |one: &Missing| {
        json!({
            "name": one.name,
            "role": role(one),
            "connected": one.connected,
            "last_seen_at": one.last_seen.map(rfc3339),
            "lacks": one.lack.as_str(),
        })
    };
    json!({
        "move": status.step.as_str(),
        "since_at": status.since.map(rfc3339),
        "authorities": status.authorities.iter().map(authority).collect::<Vec<_>>(),
        "missing": status.missing.iter().map(missing).collect::<Vec<_>>(),
        "former_token_count": status.tokens,
        "exported": status.exported,
        "next": next_step(status),
    })
}

/// What there is to do next.
fn next_step(status: &AuthorityStatus) -> String {
    let waits = status.missing.iter().filter(|one| one.lack == Lack::Certificate).count();
    let others = if waits == 1 { "is one" } else { "are several" };
    let tokens = match status.tokens {
        0 => String::new(),
        count => format!(
            "; {count} open tokens name the authority that is let go of: `overlord minion invitations` shows them"
        ),
    };
    match status.step {
        MoveStep::Settled if status.exported => {
            "next: sign the exported request, and `overlord ca import CHAIN`".to_owned()
        }
        MoveStep::Settled if status.missing.iter().any(|one| one.lack == Lack::Return) => {
            "those who lack \"return\" have to join or log in anew; `overlord ca rotate` moves to another authority".to_owned()
        }
        MoveStep::Settled => "there is no move; `overlord ca rotate` moves to another authority".to_owned(),
        MoveStep::Issuing if waits == 0 => {
            "next: the overlord shows its own certificate of the new authority, by itself".to_owned()
        }
        MoveStep::Issuing => format!(
            "there {others} to be waited for, who renew once they are connected; `overlord ca rotate --finish --leave-behind \
             NAME` does not wait, and `--back` goes back{tokens}"
        ),
        MoveStep::Serving if waits == 0 => {
            format!("next: `overlord ca rotate --finish`, or `--back`{tokens}")
        }
        MoveStep::Serving | MoveStep::Back if waits > 0 => format!(
            "there {others} to be waited for, who renew once they are connected; then `overlord ca rotate --finish`{tokens}"
        ),
        MoveStep::Serving | MoveStep::Back => format!("next: `overlord ca rotate --finish`{tokens}"),
    }
}

fn ends_soon(authority: &AuthorityState, now: i64) -> bool {
    authority.valid_until.saturating_sub(now) < SOON_SECS
}

fn role(missing: &Missing) -> &'static str {
    if missing.is_operator { "operator" } else { "minion" }
}

/// The authorities, as people read them.
pub(in crate::cli) fn authorities(authorities: &[AuthorityState]) -> Table {
    let columns = [
        Column::whole("AUTHORITY"),
        Column::whole("ISSUES"),
        Column::whole("SHOWN"),
        Column::whole("MINIONS"),
        Column::whole("OPERATORS"),
        Column::whole("VALID UNTIL"),
        Column::whole("KEY").minor(),
        Column::wrapped("FINGERPRINT", 16, 64).minor(),
    ];
    let yes = |is: bool| if is { "yes" } else { "no" }.to_owned();
    Table::new(columns).with(authorities.iter().map(|one| {
        vec![
            one.id.short(),
            yes(one.issues),
            yes(one.shown),
            one.minions.to_string(),
            one.operators.to_string(),
            Moment(one.valid_until).to_string(),
            if one.encrypted { "encrypted" } else { "plain" }.to_owned(),
            one.fingerprint.to_string(),
        ]
    }))
}

/// Those who are not where the move leads, as people read them.
pub(in crate::cli) fn missing(missing: &[Missing], now: u64) -> Table {
    let columns = [
        Column::whole("MISSING"),
        Column::whole("ROLE"),
        Column::whole("LACKS"),
        Column::whole("CONNECTED"),
        Column::whole("LAST SEEN"),
    ];
    Table::new(columns).with(missing.iter().map(|one| {
        vec![
            one.name.clone(),
            role(one).to_owned(),
            one.lack.as_str().to_owned(),
            if one.connected { "yes" } else { "no" }.to_owned(),
            one.last_seen.map_or_else(|| "-".to_owned(), |at| format!("{} ago", since(at, now))),
        ]
    }))
}
