//! Which of several minions with one key speaks: the minion itself, or a copy of it.

use serde::{Deserialize, Serialize};

use crate::digest::Digest;

/// What tells a minion from another one that shows the same certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instance {
    /// Made at its first start and kept in its ledger, whose copies have it too.
    pub id: Digest,
    /// Of the host and the folder that its key is in. A copy of the folder is another place.
    pub place: Digest,
    /// Of the time since that host was started.
    pub boot: Digest,
}

impl Instance {
    /// Whether both have the same ledger, which one process has open at a time: the earlier one has ended.
    pub fn has_ledger_of(&self, other: &Self) -> bool {
        self == other
    }
}
