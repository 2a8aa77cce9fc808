//! `overlord job show`

use clap::Args;
use wire::operator::JobDocument;

use super::super::output::print;
use super::super::{CliError, Exit, Format, FormatFlag};
use crate::client::Client;
use crate::report;
use crate::report::moment::local;

/// Show what is known of a job at this moment, without waiting
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord job show 01KDPQ3V
  overlord job show 01KDPQ3V --json")]
pub(in crate::cli) struct Show {
    /// The job's id, or a unique beginning of it
    job: String,
    #[command(flatten)]
    format: FormatFlag,
}

impl Show {
    pub(super) async fn run(self, client: &Client) -> Result<Exit, CliError> {
        let document = client.job(&self.job).await?;
        match self.format.format() {
            Format::Json => print(report::json(&document))?,
            Format::Text => {
                print(heading(&document))?;
                print(report::table(&document))?;
            }
        }
        Ok(Exit::Ok)
    }
}

fn heading(document: &JobDocument) -> String {
    let excluded = document.target.exclude.as_ref().map(|exclude| format!(" without {exclude}"));
    let ended = document.ended_at.map_or_else(|| "not over".to_owned(), local);
    format!(
        "job       {}\nstate     {} ({})\nmethod    {}\ntarget    {}{}\noperator  {}\naccepted  {}\nended     {ended}\n",
        document.job,
        document.state,
        document.state.code(),
        document.method,
        document.target.expression,
        excluded.unwrap_or_default(),
        document.operator,
        local(document.accepted_at),
    )
}
