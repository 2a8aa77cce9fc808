//! Operators and their invitations, as the ledger takes and gives them.

use serde::{Deserialize, Serialize};
use wire::digest::Digest;
use wire::message::operators::{OperatorKind, OperatorStanding};
use wire::name::{OperatorName, RoleName};

use crate::error::LedgerError;
use crate::overlord::certificate::Issued;

/// An operator that an overlord knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorRecord {
    /// The operator's name.
    pub name: OperatorName,
    /// Whether it is a person or a program.
    pub kind: OperatorKind,
    /// The roles that were given to it by name; others it has by the patterns of the roles.
    pub roles: Vec<RoleName>,
    /// Whether it may connect.
    pub standing: OperatorStanding,
    /// SHA-256 of the public key with which it logged in; `None` for the operator of the overlord's own folder, all of
    /// whose certificates are good.
    pub key: Option<Digest>,
    /// When it logged in first, in milliseconds since 1970.
    pub since: u64,
    /// The operator who invited it; `None` for the one of the overlord's own folder.
    pub invited_by: Option<OperatorName>,
    /// How long its certificates are good, in milliseconds, where that was said for it.
    pub lifetime_ms: Option<u64>,
    /// The first second at which the certificate is good with which it logged in, since 1970; later ones are good too.
    pub valid_from: Option<i64>,
    /// The last second at which its newest certificate is good, since 1970, as far as that is known.
    pub valid_until: Option<i64>,
}

/// The certificates that were made for an operator since it logged in, over its own connections. Those of operators who logged
/// in before this was recorded have none on record, which is another thing than to have renewed none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Renewed {
    /// Those that are still good, in the order in which they were made.
    pub certificates: Vec<Issued>,
}

/// A token for an operator that was given out, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorInvite {
    /// SHA-256 of the secret in the token.
    pub secret: Digest,
    /// The operator that it is for.
    pub name: OperatorName,
    /// Whether that is a person or a program.
    pub kind: OperatorKind,
    /// The roles that it will have.
    pub roles: Vec<RoleName>,
    /// How long its certificates will be good, in milliseconds, where that was said.
    pub lifetime_ms: Option<u64>,
    /// When the token expires, in milliseconds since 1970.
    pub expires_at: u64,
    /// The operator who made the token.
    pub by: OperatorName,
    /// SHA-256 of the public key that it was used for; `None` while it was not used.
    pub used_by: Option<Digest>,
}

/// Why a token does not let an operator in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OperatorInviteError {
    /// No such token was given out, or it was forgotten since.
    #[error("the token is not known: make a new one with `overlord operator invite NAME`")]
    Unknown,
    /// The token's time is over.
    #[error("the token for \"{0}\" has expired: make a new one with `overlord operator invite {0}`")]
    Expired(OperatorName),
    /// Another key came in with the token.
    #[error("the token for \"{0}\" was used already: make a new one with `overlord operator invite {0}`")]
    Used(OperatorName),
    /// Whoever made the token may not let anybody in any more.
    #[error(
        "the operator who made the token for \"{0}\" may not invite any more: make a new one with \
         `overlord operator invite {0}`"
    )]
    InviterGone(OperatorName),
    /// The ledger could not be read or written.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}
