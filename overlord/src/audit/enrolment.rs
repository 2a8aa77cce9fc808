//! What is written down of who is let in and taken back.

use std::net::SocketAddr;

use serde_json::json;
use wire::digest::Digest;
use wire::name::{MinionName, OperatorName};

use super::Audit;

/// What lets a host in.
pub(crate) enum LetInBy<'a> {
    /// A token.
    Token,
    /// An operator, who has accepted it.
    Operator(&'a OperatorName),
    /// A rule of the configuration.
    Rule(&'a str),
}

impl Audit {
    /// A host was let in.
    pub(crate) fn enrolled(&self, minion: &MinionName, key: Digest, from: SocketAddr, by: &LetInBy<'_>) {
        let (way, operator, why) = match by {
            LetInBy::Token => ("token", None, None),
            LetInBy::Operator(operator) => ("operator", Some(operator), None),
            LetInBy::Rule(rule) => ("rule", None, Some(rule)),
        };
        self.note(json!({
            "event": "enrolled",
            "decision": "allowed",
            "minion": minion,
            "key": key.to_string(),
            "from": from.to_string(),
            "by": way,
            "operator": operator,
            "why": why,
        }));
    }

    /// A newcomer was refused.
    pub(crate) fn newcomer_refused(&self, from: SocketAddr, why: &str) {
        self.note(json!({
            "event": "newcomer-refused", "decision": "denied", "from": from.to_string(), "why": why,
        }));
    }

    /// A host without a token begins to wait.
    pub(crate) fn waits(&self, minion: &MinionName, key: Digest, from: SocketAddr) {
        self.note(json!({
            "event": "waits", "minion": minion, "key": key.to_string(), "from": from.to_string(),
        }));
    }

    /// A minion was refused whose certificate our authority has signed.
    pub(crate) fn minion_refused(&self, minion: &str, from: SocketAddr, why: &str) {
        self.note(json!({
            "event": "minion-refused",
            "decision": "denied",
            "minion": minion,
            "from": from.to_string(),
            "why": why,
        }));
    }

    /// An operator has changed who may become a minion, or be one: `event` says how. Where that came to nothing, the
    /// outcome says why.
    pub(crate) fn standing_changed(
        &self,
        event: &str,
        operator: &OperatorName,
        minion: &str,
        outcome: Result<&str, &str>,
    ) {
        let (decision, why) = match outcome {
            Ok(why) => ("allowed", why),
            Err(why) => ("denied", why),
        };
        self.note(json!({
            "event": event, "decision": decision, "operator": operator, "minion": minion, "why": why,
        }));
    }
}
