//! What was called and what became of it: `overlord job`.

pub(super) mod list;
pub(super) mod parts;
mod result;
mod show;

use std::time::Duration;

use clap::{Args, Subcommand};
use output::{Exit, FullFlag, note, print, show};
use serde_json::json;
use wire::document::text::counted;
use wire::message::operator::{Follow, Rerun};

use super::call::{Accepted, accept, print_id};
use super::durations::Waiting;
use super::follow::{Followed, Form, View, follow, open};
use super::selection::settle;
use super::signals::interrupts;
use super::{CliError, Format, FormatFlag, duration, raw};
use crate::client::Client;
use crate::report;

/// See what was called and what became of it
///
/// An id may be shortened to a beginning that no other job's id has.
#[derive(Debug, Subcommand)]
pub(super) enum JobCommand {
    List(list::List),
    Show(show::Show),
    Wait(Wait),
    Result(result::ResultCommand),
    History(HistoryCommand),
    Cancel(parts::Cancel),
    GiveUp(parts::GiveUp),
    Rerun(RerunCommand),
    Purge(Purge),
}

impl JobCommand {
    pub(super) async fn run(self, client: &Client) -> Result<Exit, CliError> {
        match self {
            JobCommand::List(command) => command.run(client).await,
            JobCommand::Show(command) => command.run(client).await,
            JobCommand::Wait(command) => command.run(client).await,
            JobCommand::Result(command) => command.run(client).await,
            JobCommand::History(command) => command.run(client).await,
            JobCommand::Cancel(command) => command.run(client).await,
            JobCommand::GiveUp(command) => command.run(client).await,
            JobCommand::Rerun(command) => command.run(client).await,
            JobCommand::Purge(command) => command.run(client).await,
        }
    }
}

/// Wait until a job is over, and print its outcomes as `overlord call` does
///
/// Ctrl-C detaches from the job, which goes on; a second one cancels it. Where all minions that are not done are out of
/// touch, it waits for them as long as --patience says, and exits with 1.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord job wait 01KDPQ3V
  overlord job wait 01KDPQ3V --jsonl
  overlord job wait 01KDPQ3V --wait 1m")]
pub(super) struct Wait {
    /// The job's id, or a unique beginning of it
    job: String,
    #[command(flatten)]
    waiting: Waiting,
    #[command(flatten)]
    view: View,
}

impl Wait {
    async fn run(self, client: &Client) -> Result<Exit, CliError> {
        let interrupts = interrupts()?;
        let document = client.job(&self.job).await?;
        if self.view.form() == Form::Raw {
            raw::fits(&document)?;
        }
        let events = client.attach(&document.job.to_string(), self.view.follow()).await?;
        let events = events.with_patience(self.waiting.bounds(), open(&document));
        follow(client, events, Followed::known(&document), self.view.form(), interrupts).await
    }
}

/// Show a job's transitions in the order in which they were recorded
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord job history 01KDPQ3V
  overlord job history 01KDPQ3V --json")]
pub(super) struct HistoryCommand {
    /// The job's id, or a unique beginning of it
    job: String,
    #[command(flatten)]
    format: FormatFlag,
    #[command(flatten)]
    full: FullFlag,
}

impl HistoryCommand {
    async fn run(self, client: &Client) -> Result<Exit, CliError> {
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

/// Make a new job of an old one, with the same call
///
/// Nothing is ever run again by itself. A call with --queue is kept as long as before, from now on.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord job rerun 01KDPQ3V --failed
  overlord job rerun 01KDPQ3V --nowait")]
pub(super) struct RerunCommand {
    /// The job's id, or a unique beginning of it
    job: String,
    /// Only on the minions whose outcome was not ok
    #[arg(long)]
    failed: bool,
    /// Do not wait: print the new job's id
    #[arg(long = "nowait")]
    no_wait: bool,
    /// Go on even where it goes to many minions
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    waiting: Waiting,
    #[command(flatten)]
    view: View,
}

impl RerunCommand {
    async fn run(self, client: &Client) -> Result<Exit, CliError> {
        let on = if self.failed { Rerun::Failed } else { Rerun::All };
        let heard = if self.no_wait { Follow::No } else { self.view.follow() };
        let waiting = self.waiting;
        if self.no_wait && waiting.wait.is_some() {
            return Err(CliError::Usage("--wait does nothing with --nowait: give one of them"));
        }
        let Some(confirmed) = self.settled(client, on).await? else {
            note(DECLINED);
            return Ok(Exit::Interrupted);
        };
        let mut interrupts = interrupts()?;
        let submit = async |confirmed| {
            let events = client.rerun(&self.job, on, confirmed, heard, waiting.patience_ms()).await?;
            Ok(events.with_patience(waiting.bounds(), []))
        };
        let accepted = accept(submit, confirmed, &mut interrupts, DECLINED).await?;
        let Some(Accepted { job, targets, events }) = accepted else { return Ok(Exit::Interrupted) };
        if self.no_wait {
            return print_id(job, self.view, &[]);
        }
        follow(client, events, Followed::begun(job, targets), self.view.form(), interrupts).await
    }

    /// Whether it is confirmed, before anything is signed; `None` where the user does not want it.
    async fn settled(&self, client: &Client, on: Rerun) -> Result<Option<bool>, CliError> {
        let width = async {
            Ok(match on {
                Rerun::Failed => client.failed(&self.job).await?.len(),
                Rerun::All => client.history(&self.job).await?.targets.len(),
            })
        };
        settle(client, self.yes, &format!("job {} again goes to", self.job), width).await
    }
}

/// What a user is told who does not want it after all.
const DECLINED: &str = "nothing was run again";

/// Forget jobs that ended a while ago
///
/// Jobs that are not over are always kept.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord job purge --older-than 7days")]
pub(super) struct Purge {
    /// Keep jobs that ended more recently than this
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    older_than: Duration,
    #[command(flatten)]
    format: FormatFlag,
}

impl Purge {
    async fn run(self, client: &Client) -> Result<Exit, CliError> {
        let purged = client.purge(self.older_than).await?;
        match self.format.format() {
            Format::Json => print(json!({ "purged_count": purged }))?,
            Format::Text => print(format_args!("{} forgotten", counted(purged, "job")))?,
        }
        Ok(Exit::Ok)
    }
}
