//! `overlord audit`

use audit_log::cli::{Filter, Verify, document, table};
use clap::{Args, Subcommand};
use output::{Exit, FullFlag, print, show};
use serde_json::Value;

use super::{CliError, Format, FormatFlag, Global, talk};
use crate::client::{AuditStream, Client};

/// Show what was asked of the overlord, and what it decided
///
/// The overlord is asked, which notes that down too. With --follow, entries are shown as they are added; with --json they
/// are one a line then.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
#[command(after_help = "\
Examples:
  overlord audit --since 2h --decision denied
  overlord audit --operator ann --method 'service.*' --minion 'web*'
  overlord audit --follow --json
  overlord audit verify
  overlord audit verify --head DIGEST")]
pub(super) struct AuditCommand {
    #[command(subcommand)]
    command: Option<Local>,
    #[command(flatten)]
    filter: Filter,
    /// Go on with the entries that are added, until interrupted
    #[arg(long, short)]
    follow: bool,
    #[command(flatten)]
    format: FormatFlag,
    #[command(flatten)]
    full: FullFlag,
}

/// What is done with the files of this host, and without the overlord.
#[derive(Debug, Subcommand)]
enum Local {
    #[command(after_help = "\
Examples:
  overlord audit verify
  overlord audit verify --head DIGEST
  overlord audit verify --json")]
    Verify(Verify),
}

impl AuditCommand {
    pub(super) fn run(self, global: &Global) -> Result<Exit, CliError> {
        if let Some(Local::Verify(verify)) = &self.command {
            let path = global.folder()?.audit();
            print(verify.run(&path).map_err(|error| CliError::Brought(Box::new(error)))?)?;
            return Ok(Exit::Ok);
        }
        talk(global, async |client| self.list(client).await)
    }

    async fn list(&self, client: &Client) -> Result<Exit, CliError> {
        let mut stream = client.audit(self.filter.query(), self.follow).await?;
        if self.follow {
            self.show_on(&mut stream).await?;
            return Ok(Exit::Ok);
        }
        let mut entries = Vec::new();
        while let Some(some) = stream.next().await? {
            entries.extend(some);
        }
        match self.format.format() {
            Format::Json => print(document(&entries))?,
            Format::Text => show(&table(&entries).shown(self.full.reader()))?,
        }
        Ok(Exit::Ok)
    }

    /// Shows what comes, the headings once.
    async fn show_on(&self, stream: &mut AuditStream) -> Result<(), CliError> {
        let mut first = true;
        while let Some(entries) = stream.next().await? {
            match self.format.format() {
                Format::Json => {
                    for entry in entries.iter().filter_map(|entry| serde_json::from_str::<Value>(entry).ok())
                    {
                        print(entry)?;
                    }
                }
                Format::Text => {
                    let table = table(&entries);
                    let table = if first { table } else { table.without_heading() };
                    if first || !entries.is_empty() {
                        show(&table.shown(self.full.reader()))?;
                    }
                    first = false;
                }
            }
        }
        Ok(())
    }
}
