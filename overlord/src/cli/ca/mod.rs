//! `overlord ca`

mod encrypt;
mod export_csr;
mod import;
mod rotate;
pub(super) mod status;

use clap::Subcommand;
use output::Exit;

use super::{CliError, Global, talk};

/// See the authority that signs certificates, and move to another one
#[derive(Debug, Subcommand)]
pub(super) enum CaCommand {
    Status(status::Status),
    Rotate(rotate::Rotate),
    ExportCsr(export_csr::ExportCsr),
    Import(import::Import),
    Encrypt(encrypt::Encrypt),
    Decrypt(encrypt::Decrypt),
}

impl CaCommand {
    pub(super) fn run(self, global: &Global) -> Result<Exit, CliError> {
        match self {
            CaCommand::Status(command) => talk(global, async |client| command.run(client).await),
            CaCommand::Rotate(command) => talk(global, async |client| command.run(client).await),
            CaCommand::ExportCsr(command) => talk(global, async |client| command.run(client).await),
            CaCommand::Import(command) => talk(global, async |client| command.run(client).await),
            CaCommand::Encrypt(command) => command.run(global),
            CaCommand::Decrypt(command) => command.run(global),
        }
    }
}
