//! An attempt to bring what is assigned, as the ledger takes and gives it.

use serde::{Deserialize, Serialize};

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
