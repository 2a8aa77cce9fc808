//! `overlord job history`

use clap::Args;

use super::super::output::print;
use super::super::{CliError, Exit, Format, FormatFlag};
use crate::client::Client;
use crate::report;

/// Show a job's transitions in the order in which they were recorded
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord job history 01KDPQ3V
  overlord job history 01KDPQ3V --json")]
pub(in crate::cli) struct HistoryCommand {
    /// The job's id, or a unique beginning of it
    job: String,
    #[command(flatten)]
    format: FormatFlag,
}

impl HistoryCommand {
    pub(super) async fn run(self, client: &Client) -> Result<Exit, CliError> {
        let history = client.history(&self.job).await?;
        match self.format.format() {
            Format::Json => print(report::history_json(&history))?,
            Format::Text => print(report::history(&history))?,
        }
        Ok(Exit::Ok)
    }
}
