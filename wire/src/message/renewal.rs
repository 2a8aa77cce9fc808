//! How a certificate is renewed over the connection of its owner: a signing request for a new key in, certificates out.

use serde::{Deserialize, Serialize};

/// What makes an identity of a key: the certificates, in DER, that its owner shows and trusts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credentials {
    /// The certificate for the key first, and then those that lead from it to the authority.
    pub chain: Vec<Vec<u8>>,
    /// The certificates of the authorities that are to be trusted, that of its own first.
    pub authorities: Vec<Vec<u8>>,
}

/// An overlord's answer to a minion that asks for its next certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Renewal {
    /// The next certificate. The former key is good until the new one was used on a connection.
    Renewed {
        /// What makes an identity of the new key.
        credentials: Credentials,
        /// In how many milliseconds to ask for the one after that.
        renew_in_ms: u64,
    },
    /// There is none: the reason as one line for the minion's log.
    Refused(String),
}

/// The largest signing request for a renewal, in bytes. One for the keys that minions and operators make has less than a
/// thousand.
pub const MAX_SIGNING_REQUEST: usize = 8 << 10;
