//! What is written down of who is let in and taken back.

use std::net::SocketAddr;
use std::time::Instant;

use serde_json::json;
use wire::digest::Digest;
use wire::identity::Side;
use wire::name::{MinionName, OperatorName};

use super::Audit;
use crate::doors::Source;

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

    /// A newcomer was refused. Of many such refusals, only some get an entry each: see [`summarise`](Self::summarise).
    pub(crate) fn newcomer_refused(&self, from: SocketAddr, why: &str) {
        if !self.is_written("newcomer-refused", from) {
            return;
        }
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

    /// Whether it gets an entry of its own that a peer from this address was turned away.
    fn is_written(&self, event: &'static str, from: SocketAddr) -> bool {
        self.turned_away.is_written(event, Source::host_of(from).to_string(), Instant::now())
    }

    /// A peer was refused whose certificate our authority has signed, for this side and name. Of many such refusals, only some get
    /// an entry each.
    pub(crate) fn peer_refused(&self, side: Side, name: &str, from: SocketAddr, why: &str) {
        let event = match side {
            Side::Minion => "minion-refused",
            Side::Operator => "operator-refused",
            Side::Overlord => "overlord-refused",
        };
        if self.is_written(event, from) {
            self.note(json!({
                "event": event,
                "decision": "denied",
                (side.as_str()): name,
                "from": from.to_string(),
                "why": why,
            }));
        }
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
