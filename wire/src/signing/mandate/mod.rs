//! What an operator signs for minions: one call, or one change of a module.
//!
//! The overlord carries a [`SignedMandate`] and cannot make one. A minion that wants them decodes what was signed and
//! holds what it is asked for against that, so that a signature for one thing is never one for another.

mod asked;
mod certificate;
mod mandated;
mod signed;

use std::fmt;
use std::str::FromStr;

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::message::target::Target;
use crate::name::OperatorName;

pub use self::asked::Mismatch;
pub use self::certificate::{BadCertificate, KeyCertificate, MAX_CERTIFICATE};
pub use self::mandated::{Mandated, MandatedCall, MandatedChange};
pub use self::signed::{BadMandate, MAX_MANDATE, SignedMandate};

/// What an operator wants to be done once, by whom and until when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mandate {
    /// SHA-256 of the certificate of the overlord's authority, which tells one fleet from another.
    pub authority: Digest,
    /// The operator who wants it.
    pub operator: OperatorName,
    /// The minions that are to do it.
    pub expression: String,
    /// The minions that are not, whatever `expression` says.
    pub exclude: Option<String>,
    /// When it was signed by the operator's clock, in milliseconds since 1970.
    pub made_at: u64,
    /// Until when it is good by the same clock.
    pub until: u64,
    /// Tells it from every other mandate.
    pub nonce: Nonce,
    /// What is to be done.
    pub mandated: Mandated,
}

impl Mandate {
    /// The minions that are to do it, as they are resolved.
    pub fn target(&self) -> Target {
        Target { exclude: self.exclude.clone(), ..Target::of(self.expression.clone()) }
    }
}

/// A number that is used for one mandate.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Nonce([u8; 16]);

impl Nonce {
    /// The nonce of these bytes, which are to be random.
    pub fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes of the nonce.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

/// The error for a text that is not 32 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a nonce: 32 hexadecimal digits")]
pub struct BadNonce;

impl FromStr for Nonce {
    type Err = BadNonce;

    fn from_str(text: &str) -> Result<Self, BadNonce> {
        let bytes = HEXLOWER.decode(text.as_bytes()).map_err(|_| BadNonce)?;
        bytes.try_into().map(Self).map_err(|_| BadNonce)
    }
}

impl fmt::Debug for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Nonce({self})")
    }
}

#[cfg(test)]
mod tests;
