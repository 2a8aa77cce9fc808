//! What a certificate says of its owner.

use std::fmt;
use std::str::FromStr as _;

use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::{IdentityError, Validity};
use crate::digest::Digest;

/// What the owner of a certificate may be on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// The daemon that the others dial.
    Overlord,
    /// A daemon that runs modules.
    Minion,
    /// Someone who makes calls.
    Operator,
}

impl Role {
    /// The role as a certificate's subject spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Overlord => "overlord",
            Role::Minion => "minion",
            Role::Operator => "operator",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl std::str::FromStr for Role {
    type Err = IdentityError;

    fn from_str(text: &str) -> Result<Self, IdentityError> {
        [Role::Overlord, Role::Minion, Role::Operator]
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or(IdentityError::Foreign("its subject names no known role"))
    }
}

/// The owner of a certificate that the authority signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// What it may be.
    pub role: Role,
    /// Its name in that role.
    pub name: String,
    /// The digest of its public key, which stays the same when the certificate is renewed.
    pub key: Digest,
    /// The time for which the certificate is good.
    pub validity: Validity,
}

impl Peer {
    /// Reads a certificate. That the authority signed it is for the handshake to check.
    pub fn of(certificate: &[u8]) -> Result<Self, IdentityError> {
        let (_, parsed) = X509Certificate::from_der(certificate)
            .map_err(|_| IdentityError::Foreign("it is not an X.509 certificate"))?;
        let subject = parsed.subject();
        let name = subject.iter_common_name().next().and_then(|name| name.as_str().ok());
        let role = subject.iter_organizational_unit().next().and_then(|role| role.as_str().ok());
        let (Some(name), Some(role)) = (name, role) else {
            return Err(IdentityError::Foreign("its subject has no name or no role"));
        };
        Ok(Self {
            role: Role::from_str(role)?,
            name: name.to_owned(),
            key: Digest::of(parsed.public_key().raw),
            validity: Validity::read(&parsed),
        })
    }
}
