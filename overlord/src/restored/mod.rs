//! A folder that was restored from a backup, and named as such: what was decided since then and is known holds again.
//!
//! The audit log is what tells. Whoever was revoked or removed since the backup stays out, minions and operators who renewed their
//! keys come in with those, and no token that was out then lets anybody in. Of what no log tells, nothing is let in without an
//! operator: a minion with a key that the backup does not know waits until somebody accepts it.

mod apply;
mod history;

use std::path::{Path, PathBuf};

use audit_log::{AuditEntries, AuditError, AuditLog, Verified, entry};
use ledger::{LedgerError, OverlordLedger};
use machine::clock::now_ms;
use serde::{Deserialize, Serialize};
use serde_json::json;
use wire::digest::Digest;
use wire::identity::{Peer, write_public};

use self::history::History;
use crate::config::ConfigError;
use crate::folder::{Folder, FolderError};

/// What was done to a folder that was restored.
#[derive(Debug)]
pub struct Restored {
    /// What differs from the backup, a line each.
    pub changes: Vec<String>,
    /// The moment up to which a log tells it, in milliseconds since 1970.
    pub known_at: u64,
}

/// Why a folder cannot be named as restored.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The folder cannot be used.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The overlord's ledger cannot be used.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// An audit log cannot be used.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// The log that was given does not go on from the one in the folder.
    #[error(
        "the audit log \"{0}\" does not go on from that of the folder: give the newest one that this overlord wrote, with the files \
         beside it, or leave it out"
    )]
    Another(PathBuf),
}

/// Between which moments certificates were made that the folder does not know, in seconds since 1970: those of the backup and of when
/// the folder was named as restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Gap {
    from: i64,
    until: i64,
}

impl Gap {
    /// That of a folder; `None` where it was never restored.
    ///
    /// # Errors
    /// Where the note in the folder cannot be read.
    pub(crate) fn of(folder: &Folder) -> Result<Option<Self>, ConfigError> {
        let path = folder.restored();
        if !path.exists() {
            return Ok(None);
        }
        machine::configuration::load(&path, &[]).map(Some)
    }

    /// Whether a certificate of ours was made in it.
    pub(crate) fn has(self, peer: &Peer) -> bool {
        let made = peer.validity.until - peer.validity.lifetime();
        (self.from..=self.until).contains(&made)
    }
}

/// Names the folder of an overlord that does not run as restored from a backup. `newest` is the newest audit log of this overlord that
/// there is elsewhere.
///
/// # Errors
/// [`RestoreError`]; what was changed by then is right, and the rest is done when it is asked for again.
pub async fn restored(folder: &Folder, newest: Option<&Path>) -> Result<Restored, RestoreError> {
    let ledger = OverlordLedger::open(&folder.ledger())?;
    let own = folder.audit();
    let backup = if own.exists() { Some(Verified::check(&own)?) } else { None };
    let (mut history, mut backup_at) = (History::default(), 0);
    if backup.is_some() {
        backup_at = read(&mut history, &own)?;
    }
    let mut known_at = backup_at;
    if let Some(newest) = newest {
        goes_on(newest, backup.map(|own| own.head))?;
        history = History::default();
        known_at = read(&mut history, newest)?;
    }
    let changes = apply::apply(&ledger, &history).await?;
    note(folder, Gap { from: seconds(backup_at), until: seconds(now_ms()) })?;
    let log = AuditLog::open_as(&folder.config()?.audit, &own, "overlord")?;
    log.append(&entry(json!({
        "event": "restored", "decision": "allowed", "changes": changes,
        "why": newest.map(|newest| format!("with the audit log {}", newest.display())),
    })))?;
    log.sync()?;
    ledger.close().await;
    Ok(Restored { changes, known_at })
}

/// Reads what a log tells, and returns the time of its last entry.
fn read(history: &mut History, path: &Path) -> Result<u64, RestoreError> {
    let mut last = 0;
    for entry in AuditEntries::open(path)? {
        last = history.take(&entry?).unwrap_or(last);
    }
    Ok(last)
}

/// Makes sure that a log is whole, and goes on from this head.
fn goes_on(newest: &Path, head: Option<Digest>) -> Result<(), RestoreError> {
    let Some(head) = head else {
        Verified::check(newest)?;
        return Ok(());
    };
    match Verified::check_with(newest, &head) {
        Err(AuditError::Cut { .. }) => Err(RestoreError::Another(newest.to_owned())),
        checked => Ok(checked.map(drop)?),
    }
}

fn note(folder: &Folder, gap: Gap) -> Result<(), FolderError> {
    let Gap { from, until } = gap;
    let text = format!("# Written by `overlord restored`.\nfrom = {from}\nuntil = {until}\n");
    Ok(write_public(&folder.restored(), text.as_bytes())?)
}

fn seconds(ms: u64) -> i64 {
    i64::try_from(ms / 1000).unwrap_or(i64::MAX)
}
