//! What holds for every command: where the overlord is, how it is spoken to, and for whom the answer is printed.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use output::Exit;

use super::CliError;
use crate::client::{Client, ClientConfig};
use crate::folder::Folder;

/// What holds for every command.
#[derive(Debug, Args)]
pub struct Global {
    /// The overlord's folder [env: OVERLORD_DIR] [default: /var/lib/overlord for root, or overlord in the
    /// XDG data folder]
    #[arg(long, global = true, value_name = "DIR", help_heading = "Where the overlord is")]
    dir: Option<PathBuf>,
    /// Where the overlord listens, as HOST:PORT [env: OVERLORD_ADDRESS] [default: where the overlord of the
    /// folder listens]
    #[arg(long, global = true, value_name = "ADDRESS", help_heading = "Where the overlord is")]
    address: Option<String>,
}

impl Global {
    /// The overlord's folder, where it was named.
    pub fn dir(&self) -> Option<&Path> {
        self.dir.as_deref()
    }

    /// Where the overlord listens, where that was said.
    pub fn address(&self) -> Option<&str> {
        self.address.as_deref()
    }

    /// The same, but at this address where there is one.
    pub(super) fn or_at(&self, address: Option<String>) -> Self {
        Self { dir: self.dir.clone(), address: address.or_else(|| self.address.clone()) }
    }

    /// The same, or where it is unless it was named.
    pub(super) fn folder(&self) -> Result<Folder, CliError> {
        Ok(Folder::locate(self.dir.clone())?)
    }

    /// Connects to the overlord as the operator whose folder this is.
    pub(super) async fn connect(&self) -> Result<Client, CliError> {
        // Not read by the parser, which would show what the environment has set as a part of every usage line.
        let environment = || std::env::var("OVERLORD_ADDRESS").ok().filter(|address| !address.is_empty());
        let config = ClientConfig::new(self.folder()?, self.address.clone().or_else(environment))?;
        Ok(Client::connect(&config).await?)
    }
}

/// Connects, lets the command talk, and says goodbye.
pub(super) fn talk(
    global: &Global,
    command: impl AsyncFnOnce(&Client) -> Result<Exit, CliError>,
) -> Result<Exit, CliError> {
    // One thread starts fastest, and one connection needs no more.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(CliError::Runtime)?;
    let exit = runtime.block_on(async {
        let client = global.connect().await?;
        // Beside the command, so that nobody waits for it who asked for something else.
        let (exit, renewed) = tokio::join!(command(&client), renewed(&client));
        if let (Ok(_), Some(why)) = (&exit, renewed) {
            output::note(format_args!("the certificate of this operator is not renewed: {why}"));
        }
        client.close().await;
        exit
    });
    // Not dropped, which waits for a question that is not going to be answered.
    runtime.shutdown_background();
    exit
}

/// Renews the operator's own certificate, where it is due. Returns why that came to nothing.
async fn renewed(client: &Client) -> Option<String> {
    match tokio::time::timeout(RENEWAL, client.renew_if_due()).await {
        Ok(Ok(_)) => None,
        Ok(Err(error)) => Some(error.to_string()),
        Err(_) => Some(format!("no answer within {} s", RENEWAL.as_secs())),
    }
}

/// How long the renewal of a certificate may take.
const RENEWAL: Duration = Duration::from_secs(5);

/// How the answer of a command is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Text,
    /// One JSON document.
    Json,
}

/// The flag of all commands that print data.
#[derive(Debug, Args)]
pub struct FormatFlag {
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

impl FormatFlag {
    /// What it says.
    pub fn format(&self) -> Format {
        if self.json { Format::Json } else { Format::Text }
    }
}
