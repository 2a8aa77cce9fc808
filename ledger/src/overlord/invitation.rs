//! An invitation, as the ledger takes and gives it.

use serde::{Deserialize, Serialize};
use wire::digest::Digest;
use wire::name::MinionName;

use crate::error::LedgerError;

/// A token that was given out, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invite {
    /// The minion that it is for.
    pub name: MinionName,
    /// SHA-256 of the secret in the token.
    pub secret: Digest,
    /// When it expires, in milliseconds since 1970.
    pub expires_at: u64,
    /// SHA-256 of the public key that it was used for; `None` while it was not used.
    pub used_by: Option<Digest>,
}

/// Why a token does not let a minion in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InviteError {
    /// No such token was given out, or it was forgotten since.
    #[error("the token is not known: make a new one with `overlord minion invite NAME`")]
    Unknown,
    /// The token's time is over.
    #[error("the token for \"{name}\" has expired: make a new one with `overlord minion invite {name}`")]
    Expired {
        /// The minion that it was for.
        name: MinionName,
    },
    /// Another key was enrolled with the token.
    #[error("the token for \"{name}\" was used already: make a new one with `overlord minion invite {name}`")]
    Used {
        /// The minion that it was for.
        name: MinionName,
    },
    /// The time of a token for several names is over.
    #[error("the token for \"{glob}\" has expired: make a new one with `overlord minion invite '{glob}'`")]
    GlobExpired {
        /// The names that it was for.
        glob: String,
    },
    /// As many hosts as may have joined with the token.
    #[error(
        "the token for \"{glob}\" was used by as many hosts as may: make a new one with `overlord minion invite '{glob}' \
         --uses N`"
    )]
    UsedUp {
        /// The names that it was for.
        glob: String,
    },
    /// Another key has the name, or the name is revoked.
    #[error(
        "the name \"{name}\" is that of an enrolled minion, which a token for several names does not replace"
    )]
    Taken {
        /// The name.
        name: MinionName,
    },
    /// The ledger could not be read or written.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}
