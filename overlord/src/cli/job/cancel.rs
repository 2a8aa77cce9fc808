//! `overlord job cancel`

use clap::Args;
use serde_json::json;
use wire::operator::Target;

use super::super::output::print;
use super::super::{CliError, Exit, Format, FormatFlag};
use crate::client::Client;
use crate::report::text::counted;

/// Stop a job on all minions where it still runs
///
/// Does not wait for them: `overlord job wait` shows how each of them ended.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord job cancel 01KDPQ3V
  overlord job cancel 01KDPQ3V --target 'web*'")]
pub(in crate::cli) struct Cancel {
    /// The job's id, or a unique beginning of it
    job: String,
    /// Only on those of its minions that match
    #[arg(long, value_name = "EXPR")]
    target: Option<String>,
    #[command(flatten)]
    format: FormatFlag,
}

impl Cancel {
    pub(super) async fn run(self, client: &Client) -> Result<Exit, CliError> {
        let target = self.target.map(|expression| Target { expression, exclude: None });
        let (job, minions) = client.cancel(&self.job, target).await?;
        match self.format.format() {
            Format::Json => print(json!({ "job": job, "minions": minions }))?,
            Format::Text if minions.is_empty() => print(format_args!("{job} is not running anywhere"))?,
            Format::Text => print(format_args!("{job}: {} told to stop", counted(minions.len(), "minion")))?,
        }
        Ok(Exit::Ok)
    }
}
