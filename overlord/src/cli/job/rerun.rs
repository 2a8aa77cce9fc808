//! `overlord job rerun`

use clap::Args;
use output::{Exit, note};
use wire::message::operator::{Follow, Rerun};

use super::super::CliError;
use super::super::call::{Accepted, accept, print_id};
use super::super::follow::{Followed, View, follow};
use super::super::selection::settle;
use super::super::signals::interrupts;
use super::super::waiting::Waiting;
use crate::client::Client;

/// Make a new job of an old one, with the same call
///
/// Nothing is ever run again by itself. A call with --queue is kept as long as before, from now on.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord job rerun 01KDPQ3V --failed
  overlord job rerun 01KDPQ3V --nowait")]
pub(in crate::cli) struct RerunCommand {
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
    pub(super) async fn run(self, client: &Client) -> Result<Exit, CliError> {
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
