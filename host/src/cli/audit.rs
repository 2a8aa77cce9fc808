//! `minion audit`.

use audit_log::cli::{Filter, Verify, document, table};
use audit_log::{AuditEntries, Matcher};
use clap::{Args, Subcommand};
use output::{Exit, Failure, FullFlag, print, show};

use crate::cli::DirFlag;

/// Show what was done and refused on this host
///
/// Reads audit.jsonl in the minion's folder, and the earlier files beside it. The minion need not run.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
#[command(after_help = "\
Examples:
  minion audit --since 2h --decision denied
  minion audit --operator ann --method 'service.*' --json
  minion audit verify
  minion audit verify --head DIGEST")]
pub(crate) struct Audit {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    filter: Filter,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    full: FullFlag,
}

#[derive(Debug, Subcommand)]
enum Command {
    #[command(after_help = "\
Examples:
  minion audit verify
  minion audit verify --head DIGEST
  minion audit verify --json")]
    Verify(Verify),
}

impl Audit {
    pub(crate) fn run(self, dir: &DirFlag) -> Result<Exit, Failure> {
        let path = dir.made_folder()?.audit();
        if let Some(Command::Verify(verify)) = self.command {
            print(verify.run(&path)?)?;
            return Ok(Exit::Ok);
        }
        let matcher = Matcher::new(&self.filter.query())?;
        let entries = matcher.newest(&mut AuditEntries::open(&path)?)?;
        if self.json {
            print(document(&entries))?;
        } else {
            show(&table(&entries).shown(self.full.reader()))?;
        }
        Ok(Exit::Ok)
    }
}
