//! `overlord status`

use clap::Args;
use serde_json::json;
use wire::clock::now_ms;

use super::output::print;
use super::{CliError, Exit, Format, FormatFlag};
use crate::client::Client;
use crate::report::moment::rfc3339;
use crate::report::text::since;

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
                "minions": status.minions,
                "connected": status.connected,
                "live_jobs": status.live_jobs,
                "ledger_bytes": status.ledger_bytes,
            }))?,
            Format::Text => print(format_args!(
                "version    {}\nlistening  {}\nup for     {}\nminions    {} enrolled, {} connected\n\
                 jobs       {} not over\nledger     {} KiB",
                status.version,
                status.address,
                since(status.started_at, now_ms()),
                status.minions,
                status.connected,
                status.live_jobs,
                status.ledger_bytes.div_ceil(1024),
            ))?,
        }
        Ok(Exit::Ok)
    }
}
