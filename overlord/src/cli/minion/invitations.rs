//! `overlord minion invitations` and `overlord minion uninvite`

use clap::Args;
use machine::clock::{now_ms, rfc3339};
use output::{Column, Exit, FullFlag, Table, print, show};
use serde_json::{Value, json};
use wire::message::enrolment::Invitation;

use super::super::{CliError, Format, FormatFlag};
use crate::client::Client;
use wire::document::text::since;

/// List the tokens with which somebody may still join
///
/// The tokens themselves are shown to nobody: the overlord does not have them.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord minion invitations
  overlord minion invitations --json")]
pub(in crate::cli) struct Invitations {
    #[command(flatten)]
    format: FormatFlag,
    #[command(flatten)]
    full: FullFlag,
}

/// Withdraw tokens, so that nobody joins with them any more
///
/// Who has joined with them already stays.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord minion uninvite web1
  overlord minion uninvite 'web*'
  overlord minion uninvite 2c70e12b7a06")]
pub(in crate::cli) struct Uninvite {
    /// The name or the glob that they are for, or the id of one, as `overlord minion invitations` shows them
    #[arg(value_name = "NAME|ID")]
    which: String,
    #[command(flatten)]
    format: FormatFlag,
}

impl Invitations {
    pub(super) async fn run(self, client: &Client) -> Result<Exit, CliError> {
        let invitations = client.invitations().await?;
        match self.format.format() {
            Format::Json => print(document(&invitations))?,
            Format::Text => show(&table(&invitations, now_ms()).shown(self.full.reader()))?,
        }
        Ok(Exit::Ok)
    }
}

impl Uninvite {
    pub(super) async fn run(self, client: &Client) -> Result<Exit, CliError> {
        let withdrawn = client.uninvite(&self.which).await?;
        match self.format.format() {
            Format::Json => print(document(&withdrawn))?,
            Format::Text => {
                for Invitation { id, names, .. } in &withdrawn {
                    print(format_args!("{names}: the token {id} lets nobody in any more"))?;
                }
            }
        }
        Ok(Exit::Ok)
    }
}

fn document(invitations: &[Invitation]) -> Value {
    let one = |invitation: &Invitation| {
        json!({
            "id": invitation.id,
            "names": invitation.names,
            "use_count": invitation.uses,
            "used_count": invitation.used,
            "expires_at": rfc3339(invitation.expires_at),
            "invited_by": invitation.made_by,
            "invited_at": invitation.made_at.map(rfc3339),
        })
    };
    json!({ "invitations": invitations.iter().map(one).collect::<Vec<_>>() })
}

pub(in crate::cli) fn table(invitations: &[Invitation], now: u64) -> Table {
    let columns = [
        Column::whole("NAMES"),
        Column::whole("ID"),
        Column::whole("USED").right(),
        Column::whole("EXPIRES IN"),
        Column::whole("INVITED BY").minor(),
    ];
    Table::new(columns).with(invitations.iter().map(|invitation| {
        let Invitation { id, names, uses, used, expires_at, made_by, .. } = invitation;
        [
            names.clone(),
            id.clone(),
            format!("{used} of {uses}"),
            since(now, *expires_at),
            made_by.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string),
        ]
    }))
}
