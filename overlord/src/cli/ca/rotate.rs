//! `overlord ca rotate`

use clap::Args;
use output::{Exit, FullFlag};

use super::super::{CliError, FormatFlag};
use super::status::show_status;
use crate::client::Client;

/// Move to a new authority: begin, go back, or finish
///
/// Without a flag, makes a new authority and asks everybody to renew: calls and jobs go on. `overlord ca status` shows who is
/// missing. Nothing is let go of before `--finish`, and until then `--back` leads back.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord ca rotate
  overlord ca rotate --finish
  overlord ca rotate --finish --leave-behind web7
  overlord ca rotate --back")]
pub(in crate::cli) struct Rotate {
    /// Let go of the authority that does not sign any more; refused while somebody needs it
    #[arg(long, conflicts_with = "back")]
    finish: bool,
    /// Go back to the authority before the move
    #[arg(long)]
    back: bool,
    /// Finish although this minion or operator still needs it, which has to join or log in anew
    #[arg(long, value_name = "NAME", requires = "finish")]
    leave_behind: Vec<String>,
    /// Finish whoever still needs it
    #[arg(long, requires = "finish")]
    force: bool,
    #[command(flatten)]
    format: FormatFlag,
    #[command(flatten)]
    full: FullFlag,
}

impl Rotate {
    pub(super) async fn run(self, client: &Client) -> Result<Exit, CliError> {
        let status = match (self.finish, self.back) {
            (true, _) => client.finish_rotation(self.leave_behind, self.force).await?,
            (_, true) => client.take_rotation_back().await?,
            _ => client.rotate_authority().await?,
        };
        let exit = show_status(&status, self.format.format(), self.full)?;
        if !self.back {
            output::note(
                "back up the overlord's folder now: a backup from before this step does not bring back a fleet that has moved on",
            );
        }
        Ok(exit)
    }
}
