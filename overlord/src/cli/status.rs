//! `overlord status`

use clap::Args;
use machine::clock::now_ms;
use serde_json::json;
use wire::document::text::{line, size};
use wire::message::operator::DiskStatus;

use super::{CliError, Format, FormatFlag};
use crate::client::Client;
use machine::clock::rfc3339;
use output::{Exit, print};
use wire::document::text::since;

/// Show how the overlord is
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord status
  overlord status --json")]
pub(super) struct Status {
    #[command(flatten)]
    format: FormatFlag,
}

impl Status {
    pub(super) async fn run(self, client: &Client) -> Result<Exit, CliError> {
        let status = client.status().await?;
        match self.format.format() {
            Format::Json => print(json!({
                "version": status.version,
                "address": status.address,
                "started_at": rfc3339(status.started_at),
                "minion_count": status.minions,
                "connected_count": status.connected,
                "live_job_count": status.live_jobs,
                "ledger_bytes": status.ledger_bytes,
                "disk": status.disk.as_ref().map(|disk| json!({
                    "path": disk.path,
                    "free_bytes": disk.free_bytes,
                    "takes_work": disk.takes_work,
                })),
            }))?,
            Format::Text => print(format_args!(
                "version    {}\nlistening  {}\nup for     {}\nminions    {} enrolled, {} connected\n\
                 jobs       {} not over\nledger     {}{}",
                status.version,
                status.address,
                since(status.started_at, now_ms()),
                status.minions,
                status.connected,
                status.live_jobs,
                size(status.ledger_bytes),
                status.disk.as_ref().map(disk).unwrap_or_default(),
            ))?,
        }
        Ok(Exit::Ok)
    }
}

/// One more line of how full the disk of the ledger is, with what to do where it takes no more.
fn disk(disk: &DiskStatus) -> String {
    let free = size(disk.free_bytes);
    match disk.takes_work {
        true => format!("\ndisk       {free} free"),
        false => format!(
            "\ndisk       full, {free} free: new jobs are refused, so free some space on the disk of \"{}\"",
            line(&disk.path)
        ),
    }
}
