//! `overlord restored`

use std::path::PathBuf;

use clap::Args;
use machine::clock::rfc3339;
use output::{Exit, note, print};
use serde_json::json;

use super::{CliError, Format, FormatFlag, Global};
use crate::restored::{Restored as Done, restored};

/// Name the overlord's folder as restored from a backup, before it is started again
///
/// What the audit log tells of revocations, removals and renewed keys since the backup holds again, and all tokens that were out then
/// are good no more. A minion whose key neither the backup nor the log knows waits for `overlord minion accept`. The log is that of
/// the folder and, where there is a newer one elsewhere, the one of `--audit`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord restored
  overlord restored --audit /mnt/logs/overlord/audit.jsonl")]
pub(super) struct Restored {
    /// The newest audit log of this overlord that there is, with its earlier files beside it
    #[arg(long, value_name = "FILE")]
    audit: Option<PathBuf>,
    #[command(flatten)]
    format: FormatFlag,
}

impl Restored {
    pub(super) fn run(self, global: &Global) -> Result<Exit, CliError> {
        let folder = global.folder()?;
        folder.must_be_there()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let done = runtime.map_err(CliError::Runtime)?.block_on(restored(&folder, self.audit.as_deref()));
        let Done { changes, known_at } = done.map_err(|error| CliError::Brought(Box::new(error)))?;
        match self.format.format() {
            Format::Json => print(json!({ "changes": changes, "known_at": rfc3339(known_at) }))?,
            Format::Text if changes.is_empty() => print("nothing was decided since that is known")?,
            Format::Text => print(changes.join("\n"))?,
        }
        note(format_args!(
            "what was decided after {} is not known: revoke again whom you revoked since, then start it with `overlord serve`; \
             `overlord minion pending` shows the minions that have to be accepted",
            rfc3339(known_at)
        ));
        Ok(Exit::Ok)
    }
}
