//! A minion, as the ledger takes and gives it.

use serde::{Deserialize, Serialize};
use wire::digest::Digest;
use wire::message::inventory::Inventory;
use wire::message::job::JobId;
use wire::name::MinionName;

/// A minion that has enrolled.
#[derive(Clone, Debug, PartialEq)]
pub struct MinionRecord {
    /// Its name.
    pub name: MinionName,
    /// SHA-256 of its public key.
    pub key: Digest,
    /// When it enrolled, in milliseconds since 1970.
    pub enrolled_at: u64,
    /// Whether it may connect.
    pub status: Standing,
    /// When it was last heard of, in milliseconds since 1970.
    pub last_seen: Option<u64>,
    /// The version of its software, once it has said so.
    pub version: Option<String>,
    /// What it can run, as it last said.
    pub modules: Inventory,
}

/// Whether a minion may connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Standing {
    /// It may.
    Active,
    /// Its certificate is revoked.
    Revoked,
}

/// The facts of a minion, as it said them last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeardFacts {
    /// When, in milliseconds since 1970.
    pub at: u64,
    /// A JSON object.
    pub json: String,
}

/// The time for which one place had a minion's links.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenure {
    /// The place, as in [`Instance`](wire::message::instance::Instance).
    pub place: Digest,
    /// The newest job when it came; `None` where there was none.
    pub after: Option<JobId>,
}
