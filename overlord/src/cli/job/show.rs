//! `overlord job show`

use std::time::Duration;

use clap::Args;
use humantime::format_duration;
use output::{Exit, FullFlag, print, show};
use tokio::signal::unix::Signal;
use wire::document::redaction::cut;
use wire::document::text::line as one_line;
use wire::message::operator::{Asked, Follow, JobDocument};
use wire::message::outcome::ModuleRef;
use wire::name::MinionName;

use super::super::distinct_modules::who;
use super::super::durations::Waiting;
use super::super::follow::{Followed, Form, follow, open, so_far};
use super::super::signals::interrupts;
use super::super::{CliError, Format, FormatFlag};
use crate::client::Client;
use crate::report;
use machine::moment::local;

/// Show what is known of a job at this moment, or follow it until it is over
///
/// With --follow: what is known, then each outcome as it comes in, with progress, logs and partial results on
/// stderr. Ctrl-C detaches from the job, which goes on; a second one cancels it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord job show 01KDPQ3V
  overlord job show 01KDPQ3V --follow
  overlord job show 01KDPQ3V --json")]
pub(in crate::cli) struct Show {
    /// The job's id, or a unique beginning of it
    job: String,
    /// Go on until the job is over
    #[arg(long, short)]
    follow: bool,
    /// With --follow: print one line of JSON for each outcome as it comes in, and a summary as the last line
    #[arg(long, requires = "follow", conflicts_with = "json")]
    jsonl: bool,
    #[command(flatten)]
    waiting: Waiting,
    #[command(flatten)]
    format: FormatFlag,
    #[command(flatten)]
    full: FullFlag,
}

impl Show {
    pub(super) async fn run(self, client: &Client) -> Result<Exit, CliError> {
        if !self.follow && !self.waiting.is_unsaid() {
            return Err(CliError::Usage("--patience and --wait do nothing without --follow"));
        }
        let interrupts = if self.follow { Some(interrupts()?) } else { None };
        let document = client.job(&self.job).await?;
        if let Some(interrupts) = interrupts {
            return self.follow(client, &document, interrupts).await;
        }
        match self.format.format() {
            Format::Json => print(report::json(&document))?,
            Format::Text => {
                print(heading(&document))?;
                show(&report::table(&document, self.full.reader()))?;
            }
        }
        Ok(Exit::Ok)
    }

    async fn follow(
        &self,
        client: &Client,
        document: &JobDocument,
        interrupts: Signal,
    ) -> Result<Exit, CliError> {
        let form = match self.format.format() {
            Format::Json => Form::Json,
            Format::Text if self.jsonl => Form::JsonLines,
            Format::Text => Form::Rows(self.full.reader()),
        };
        if matches!(form, Form::Rows(_)) {
            let printed = print(heading(document));
            if printed.is_err() {
                return so_far(document).after_printing(printed);
            }
        }
        let events = client.attach(&document.job.to_string(), Follow::Everything).await?;
        let events = events.with_patience(self.waiting.bounds(), open(document));
        follow(client, events, Followed::known(document), form, interrupts).await
    }
}

fn heading(document: &JobDocument) -> String {
    let excluded = document.target.exclude.as_ref().map(|exclude| format!(" without {exclude}"));
    let ended = document.ended_at.map_or_else(|| "not over".to_owned(), local);
    format!(
        "job       {}\nstate     {} ({})\nmethod    {}\n{}target    {}{}\noperator  {}\naccepted  {}\nended     {ended}\n{}",
        document.job,
        document.state,
        document.state.code(),
        document.method,
        document.asked.as_ref().map(how).unwrap_or_default(),
        document.target.expression,
        excluded.unwrap_or_default(),
        document.operator,
        local(document.accepted_at),
        ran(document),
    )
}

/// With what and in which way a job was called: only what is not as usual, but for the arguments.
fn how(asked: &Asked) -> String {
    let millis = |ms: u64| format_duration(Duration::from_millis(ms));
    let options = [
        asked.dry_run.then(|| "dry run".to_owned()),
        asked.durable.then(|| "durable".to_owned()),
        asked.timeout_ms.map(|timeout| format!("timeout {}", millis(timeout))),
        asked.queue_until.map(|until| format!("kept for absent minions until {}", local(until))),
        asked.batch.map(|batch| format!("batch {batch}")),
        asked.max_failures.map(|failures| format!("max failures {failures}")),
        asked.patience_ms.map(|patience| format!("patience {}", millis(patience))),
        asked.rerun_of.map(|job| format!("again {job}")),
        asked.signer.map(|key| format!("signed by {key}")),
    ];
    let options: Vec<String> = options.into_iter().flatten().collect();
    let arguments = match asked.arguments.as_deref() {
        None | Some("{}") => String::new(),
        Some(text) => format!("arguments {}\n", cut(&one_line(text), MAX_ARGUMENTS)),
    };
    match options.as_slice() {
        [] => arguments,
        options => format!("{arguments}options   {}\n", options.join(", ")),
    }
}

/// How many characters of the arguments people are shown; `--json` has all of them.
const MAX_ARGUMENTS: usize = 1000;

/// A line for each version of the module that ran, with the minions that ran it where there are several.
fn ran(document: &JobDocument) -> String {
    let mut versions: Vec<(&ModuleRef, Vec<&MinionName>)> = Vec::new();
    for part in &document.parts {
        let Some(module) = part.report.as_ref().and_then(|report| report.module.as_ref()) else { continue };
        match versions.iter_mut().find(|(version, _)| *version == module) {
            Some((_, minions)) => minions.push(&part.minion),
            None => versions.push((module, vec![&part.minion])),
        }
    }
    let differ = versions.len() > 1;
    let line = |(module, minions): &(&ModuleRef, Vec<&MinionName>)| {
        let version =
            module.version.as_deref().map(|version| format!("{} ", one_line(version))).unwrap_or_default();
        let on = if differ { format!(" on {}", who(minions)) } else { String::new() };
        format!("module    {} {version}(sha256 {}){on}\n", document.method.module, module.digest.short())
    };
    versions.iter().map(line).collect()
}
