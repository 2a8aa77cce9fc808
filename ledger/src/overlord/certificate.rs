//! The certificates of a minion, as the ledger takes and gives them.

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
