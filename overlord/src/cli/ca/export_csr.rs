//! `overlord ca export-csr`

use clap::Args;
use output::{Exit, note, print};
use serde_json::json;

use super::super::{CliError, Format, FormatFlag};
use crate::client::Client;

/// Make a key for an intermediate authority, and print the request to sign it
///
/// The key stays with the overlord. Sign the request with a root that is elsewhere, and bring what was signed with `overlord ca
/// import`. Each request is for another key, which replaces that of the one before.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord ca export-csr > overlord.csr
  overlord ca export-csr --json")]
pub(in crate::cli) struct ExportCsr {
    #[command(flatten)]
    format: FormatFlag,
}

impl ExportCsr {
    pub(super) async fn run(self, client: &Client) -> Result<Exit, CliError> {
        let request = client.export_signing_request().await?;
        match self.format.format() {
            Format::Json => print(json!({ "signing_request": request }))?,
            Format::Text => {
                print(request.trim_end())?;
                note("sign it with the root, and bring the chain with `overlord ca import CHAIN`");
            }
        }
        Ok(Exit::Ok)
    }
}
