//! The certificates of minions and the authorities that have signed for keys, as the ledger takes and gives them.

use serde::{Deserialize, Serialize};
use wire::digest::Digest;
use wire::identity::{Peer, Validity};

/// A certificate that was made for a key of a minion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issued {
    /// SHA-256 of the public key.
    pub key: Digest,
    /// The first second at which the certificate is good, since 1970.
    pub from: i64,
    /// The last second at which it is good, since 1970.
    pub until: i64,
}

impl Issued {
    /// The time for which the certificate is good.
    pub fn validity(&self) -> Validity {
        Validity { from: self.from, until: self.until }
    }
}

impl From<&Peer> for Issued {
    fn from(peer: &Peer) -> Self {
        let Peer { key, validity: Validity { from, until }, .. } = *peer;
        Self { key, from, until }
    }
}

/// What is known of the certificates of a minion.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificates {
    /// The newest that the minion was seen with; `None` where that was by an older version.
    pub shown: Option<Issued>,
    /// The one that was made since, with which the minion was not seen yet.
    pub next: Option<Issued>,
}

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
