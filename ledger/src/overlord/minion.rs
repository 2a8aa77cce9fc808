//! A minion, as the ledger takes and gives it.

use serde::{Deserialize, Serialize};
use wire::digest::Digest;
use wire::message::inventory::Inventory;
use wire::message::job::JobId;
use wire::name::MinionName;

/// A minion that has enrolled.
#[derive(Clone, Debug, PartialEq)]
pub struct MinionRecord {
    /// The minion's name.
    pub name: MinionName,
    /// SHA-256 of its public key.
    pub key: Digest,
    /// When it enrolled, in milliseconds since 1970.
    pub enrolled_at: u64,
    /// Whether it may connect.
    pub status: Standing,
    /// When it was heard of last, in milliseconds since 1970; `None` where it never connected.
    pub last_seen: Option<u64>,
    /// The version of its software; `None` before it said so.
    pub version: Option<String>,
    /// The modules that it has, as it last said.
    pub modules: Inventory,
}

/// Whether a minion may connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Standing {
    /// It may connect.
    Active,
    /// Its certificate is revoked.
    Revoked,
}

/// The facts of a minion, as it told them last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeardFacts {
    /// When it told them, in milliseconds since 1970.
    pub at: u64,
    /// The facts: one JSON object as text.
    pub json: String,
}

/// The time for which a minion's links came from one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenure {
    /// The place, as in [`Instance`](wire::message::instance::Instance).
    pub place: Digest,
    /// The newest job when the first link came from there; `None` where there was none.
    pub after: Option<JobId>,
}

/// What became of the last attempt to bring a minion what is assigned to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// The place of the assignment.
    pub place: u64,
    /// When the attempt ended, in milliseconds since 1970.
    pub at: u64,
    /// Why the version is not in service; `None` where it is.
    pub failure: Option<String>,
}
