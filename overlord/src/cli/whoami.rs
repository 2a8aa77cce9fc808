//! `overlord whoami`

use clap::Args;
use output::Exit;

use super::operator::show::show;
use super::{CliError, FormatFlag};
use crate::client::Client;

/// Show who you are to the overlord, and what your roles allow
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord whoami
  overlord whoami --json")]
pub(super) struct Whoami {
    #[command(flatten)]
    format: FormatFlag,
}

impl Whoami {
    pub(super) async fn run(self, client: &Client) -> Result<Exit, CliError> {
        show(&client.whoami().await?, self.format.format())
    }
}
