//! `overlord job history`

use clap::Args;
use output::{Exit, FullFlag, print, show};

use super::super::{CliError, Format, FormatFlag};
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
    #[command(flatten)]
    full: FullFlag,
}

impl HistoryCommand {
    pub(super) async fn run(self, client: &Client) -> Result<Exit, CliError> {
        let history = client.history(&self.job).await?;
        match self.format.format() {
            Format::Json => print(report::history_json(&history))?,
            Format::Text => {
                show(&report::history(&history, self.full.reader()).shown(self.full.reader()))?;
                report::given_up(&history).iter().try_for_each(print)?;
            }
        }
        Ok(Exit::Ok)
    }
}
