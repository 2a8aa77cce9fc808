//! Which authority has signed for a key, as the ledger takes and gives it.

use serde::{Deserialize, Serialize};
use wire::digest::Digest;

/// What the owner of a key was given with its certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holding {
    /// The authority that has signed the certificate, by the digest of its own.
    pub authority: Digest,
    /// The authorities that the owner trusts with it, by their fingerprints.
    pub trusted: Vec<Digest>,
}

/// The key that an operator was seen with last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenKey {
    /// SHA-256 of the public key.
    pub key: Digest,
    /// When it was first seen with it, in milliseconds since 1970.
    pub at: u64,
}
