//! How hosts become minions and cease to be, as the ledger takes and gives it: by invitations, and by what operators say.

use serde::{Deserialize, Serialize};
use wire::digest::Digest;
use wire::name::{MinionName, OperatorName};

use crate::error::LedgerError;

/// Who made something, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    /// The operator.
    pub by: OperatorName,
    /// When, in milliseconds since 1970.
    pub at: u64,
}

/// A token that was given out for all names that a glob matches, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GlobInvite {
    /// The names that it is for.
    pub glob: String,
    /// SHA-256 of the secret in the token.
    pub secret: Digest,
    /// How many hosts may join with it.
    pub uses: u32,
    /// How many have.
    pub used: u32,
    /// When it expires, in milliseconds since 1970.
    pub expires_at: u64,
    /// Who made it.
    pub made: Made,
}

/// What a token lets in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Invited {
    /// Whoever has it, under this name.
    Name(MinionName),
    /// A host whose name the glob matches.
    Glob(GlobInvite),
}

/// All tokens that were given out and not forgotten.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Invitations {
    /// Those for one name, with who made them; `None` for one of an older overlord.
    pub names: Vec<(Invite, Option<Made>)>,
    /// Those for several.
    pub globs: Vec<GlobInvite>,
}

/// A host that wants to be a minion and has no token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitingHost {
    /// SHA-256 of its public key.
    pub key: Digest,
    /// The name that it wants.
    pub name: MinionName,
    /// The address that it asked from last.
    pub from: String,
    /// When it asked first, in milliseconds since 1970.
    pub since: u64,
    /// When it asked last, in milliseconds since 1970; several minutes may be missing.
    pub asked_at: u64,
    /// What an operator has said to it.
    pub answer: Answer,
}

/// What an operator has said to a host that waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// Nothing yet.
    None,
    /// It may come in.
    Accepted(Made),
    /// It may not.
    Rejected(Made),
}

/// That a minion may not connect any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revocation {
    /// Who revoked it.
    pub made: Made,
    /// Why, in the operator's words; empty where nothing was said.
    pub why: String,
}

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
