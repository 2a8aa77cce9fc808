//! `overlord job purge`

use std::time::Duration;

use clap::Args;
use serde_json::json;

use super::super::{CliError, Format, FormatFlag, duration};
use crate::client::Client;
use output::{Exit, print};
use wire::document::text::counted;

/// Forget jobs that ended a while ago
///
/// Jobs that are not over are always kept.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord job purge --older-than 7days")]
pub(in crate::cli) struct Purge {
    /// Keep jobs that ended more recently than this
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    older_than: Duration,
    #[command(flatten)]
    format: FormatFlag,
}

impl Purge {
    pub(super) async fn run(self, client: &Client) -> Result<Exit, CliError> {
        let purged = client.purge(self.older_than).await?;
        match self.format.format() {
            Format::Json => print(json!({ "purged_count": purged }))?,
            Format::Text => print(format_args!("{} forgotten", counted(purged, "job")))?,
        }
        Ok(Exit::Ok)
    }
}
