//! `overlord job result`

use clap::Args;
use output::{Exit, FullFlag, note, print, show};
use wire::message::operator::{JobDocument, Part};
use wire::message::outcome::Outcome;
use wire::value::Value;

use super::super::follow::exit;
use super::super::raw::{self, Output, failed};
use super::super::{CliError, Format, FormatFlag};
use crate::client::Client;
use crate::report;
use wire::document::text::{plain, value};

/// Print the results of a job and nothing else, without waiting
///
/// Of a job on one minion: the bare value, for scripts; why there is none goes to stderr.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord job result 01KDPQ3V
  overlord job result 01KDPQ3V --json
  overlord job result 01KDPQ3V --output raw >file")]
pub(in crate::cli) struct ResultCommand {
    /// The job's id, or a unique beginning of it
    job: String,
    /// `raw`: write text or bytes to a file or a program as they are, without a line end
    #[arg(long, value_name = "FORM", conflicts_with = "json")]
    output: Option<Output>,
    #[command(flatten)]
    format: FormatFlag,
    #[command(flatten)]
    full: FullFlag,
}

impl ResultCommand {
    pub(super) async fn run(self, client: &Client) -> Result<Exit, CliError> {
        let document = client.job(&self.job).await?;
        let printed = match (self.format.format(), document.parts.as_slice()) {
            _ if self.output == Some(Output::Raw) => raw::print(&document),
            (Format::Json, _) => print(report::results_json(&document)).map_err(CliError::from),
            (Format::Text, [part]) => bare(part),
            (Format::Text, _) => show(&report::table(&document, self.full.reader())).map_err(CliError::from),
        };
        if !document.state.is_over() {
            note(unfinished(&document));
        }
        exit(&document).after_printing(printed)
    }
}

/// The value, or on stderr why there is none.
fn bare(part: &Part) -> Result<(), CliError> {
    match part.report.as_ref().map(|report| &report.outcome) {
        // A terminal gets what cannot harm it, a program what the method returned.
        Some(Outcome::Ok(Some(result))) if !output::stdout_is_terminal() => {
            let text = if let Value::String(text) = result { text.clone() } else { plain(result) };
            output::print_raw(&text)?;
        }
        Some(Outcome::Ok(Some(result))) => print(value(result))?,
        Some(Outcome::Failed(failure)) => {
            note(failed(part.minion.as_str(), failure));
        }
        Some(Outcome::Ok(None)) | None => {}
    }
    Ok(())
}

fn unfinished(document: &JobDocument) -> String {
    let open = document.parts.iter().filter(|part| part.state.is_none_or(|state| state.outcome().is_none()));
    format!(
        "job {} is not over: {} of {} not done; wait for it with `overlord job wait {0}`",
        document.job,
        open.count(),
        wire::document::text::counted(document.parts.len(), "minion"),
    )
}
