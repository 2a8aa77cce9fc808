//! `overlord job give-up`

use clap::Args;
use serde_json::json;
use wire::message::operator::GivingUp;

use super::super::module::who;
use super::super::selection::with_warnings;
use super::super::{CliError, Format, FormatFlag};
use super::parts::Parts;
use crate::client::Client;
use output::{Exit, print};

/// Wait no longer for minions that will not say how a job ended
///
/// Ends their parts as `lost`, with your name in the record. A minion that comes back all the same is asked, and what it
/// says is recorded beside that; nothing is stopped there. Without --target, all minions that are out of touch are given
/// up.
#[derive(Debug, Args)]
#[command(mut_arg("target", |target| target.help("Only those of its minions that match, also where they are in touch")))]
#[command(after_help = "\
Examples:
  overlord job give-up 01KDPQ3V
  overlord job give-up 01KDPQ3V --target 'web3,web7'")]
pub(in crate::cli) struct GiveUp {
    #[command(flatten)]
    parts: Parts,
    #[command(flatten)]
    format: FormatFlag,
}

impl GiveUp {
    pub(super) async fn run(self, client: &Client) -> Result<Exit, CliError> {
        let (job, target) = self.parts.meant();
        let (given_up, warnings) = client.give_up(&job, target).await?.said();
        let GivingUp { job, lost, never_sent } = &given_up;
        match self.format.format() {
            Format::Json => {
                let document = json!({ "job": job, "lost": lost, "never_sent": never_sent });
                print(with_warnings(document, &warnings))?;
            }
            Format::Text => print(format_args!("{job}: {}", became(&given_up)))?,
        }
        Ok(Exit::Ok)
    }
}

/// What became of the parts, in one line.
fn became(given_up: &GivingUp) -> String {
    let GivingUp { lost, never_sent, .. } = given_up;
    let mut parts = Vec::new();
    for (minions, outcome) in [(lost, "lost"), (never_sent, "undelivered, since it was never sent there")] {
        if !minions.is_empty() {
            parts.push(format!("given up on {}: {outcome}", who(&minions.iter().collect::<Vec<_>>())));
        }
    }
    if parts.is_empty() {
        "its minions were quicker: nothing was given up".to_owned()
    } else {
        parts.join("; ")
    }
}
