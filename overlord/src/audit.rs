//! What an overlord's owner should be able to find later: `audit.jsonl` in its folder.

use std::net::SocketAddr;
use std::path::Path;

use ledger::{AuditError, AuditLog};
use machine::clock::now_ms;
use serde_json::{Value, json};
use wire::name::MinionName;

use machine::clock::rfc3339;

/// The audit log of an overlord.
pub(crate) struct Audit(AuditLog);

impl Audit {
    pub(crate) fn open(path: &Path) -> Result<Self, AuditError> {
        AuditLog::open(path).map(Self)
    }

    /// A minion with the key of one that is linked was refused.
    pub(crate) fn second_minion(&self, minion: &MinionName, from: SocketAddr, linked: SocketAddr) {
        self.note(json!({
            "event": "second-minion",
            "minion": minion,
            "from": from.to_string(),
            "linked": linked.to_string(),
            "decision": "denied",
        }));
    }

    fn note(&self, mut entry: Value) {
        entry["at"] = rfc3339(now_ms()).into();
        if let Err(error) = self.0.append(&entry.to_string()) {
            tracing::error!(%error, "an entry of the audit log is missing");
        }
    }
}
