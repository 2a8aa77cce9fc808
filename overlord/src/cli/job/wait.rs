//! `overlord job wait`

use clap::Args;
use output::Exit;

use super::super::follow::{Followed, Form, View, follow, open};
use super::super::signals::interrupts;
use super::super::waiting::Waiting;
use super::super::{CliError, raw};
use crate::client::Client;

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
pub(in crate::cli) struct Wait {
    /// The job's id, or a unique beginning of it
    job: String,
    #[command(flatten)]
    waiting: Waiting,
    #[command(flatten)]
    view: View,
}

impl Wait {
    pub(super) async fn run(self, client: &Client) -> Result<Exit, CliError> {
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
