//! `overlord ca import`

use std::path::PathBuf;

use clap::Args;
use output::Exit;

use super::super::{CliError, FormatFlag};
use super::status::show_status;
use crate::client::Client;
use output::FullFlag;

/// Move to the authority that was signed for `overlord ca export-csr`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord ca import chain.pem
  overlord ca status")]
pub(in crate::cli) struct Import {
    /// The certificates in PEM: that of the intermediate, all up to the root, and the root's own
    #[arg(value_name = "CHAIN")]
    chain: PathBuf,
    #[command(flatten)]
    format: FormatFlag,
    #[command(flatten)]
    full: FullFlag,
}

impl Import {
    pub(super) async fn run(self, client: &Client) -> Result<Exit, CliError> {
        let pem = std::fs::read_to_string(&self.chain)
            .map_err(|source| CliError::Unreadable { path: self.chain.clone(), source })?;
        let status = client.import_authority(pem).await?;
        show_status(&status, self.format.format(), self.full)
    }
}
