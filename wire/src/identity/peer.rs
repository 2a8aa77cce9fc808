//! What a certificate says of its owner: a side and a name.

use std::fmt;
use std::str::FromStr as _;

use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::{IdentityError, Validity};
use crate::digest::Digest;

/// What the owner of a certificate may be on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// The daemon that minions and operators dial.
    Overlord,
    /// A daemon that runs modules on its host.
    Minion,
    /// A person or a program that makes calls.
    Operator,
}

impl Side {
    /// The side as a certificate's subject spells it: `overlord`, `minion` or `operator`.
    pub fn as_str(self) -> &'static str {
        match self {
            Side::Overlord => "overlord",
            Side::Minion => "minion",
            Side::Operator => "operator",
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl std::str::FromStr for Side {
    type Err = IdentityError;

    fn from_str(text: &str) -> Result<Self, IdentityError> {
        [Side::Overlord, Side::Minion, Side::Operator]
            .into_iter()
            .find(|side| side.as_str() == text)
            .ok_or(IdentityError::Foreign("its subject names no known side"))
    }
}

/// The owner of a certificate. That the authority signed it is known only of one that
/// [`crate::transport::endpoint::peer`] returned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// What the owner may be on a connection.
    pub side: Side,
    /// The owner's name on that side.
    pub name: String,
    /// The digest of the owner's public key, which stays the same when the certificate is renewed.
    pub key: Digest,
    /// The time for which the certificate is good.
    pub validity: Validity,
}

impl Peer {
    /// Reads a certificate in DER. That the authority signed it is for the handshake to check.
    ///
    /// # Errors
    /// [`IdentityError::Foreign`] where it is no certificate, or its subject has no side and name as ours have.
    pub fn of(certificate: &[u8]) -> Result<Self, IdentityError> {
        let (_, parsed) = X509Certificate::from_der(certificate)
            .map_err(|_| IdentityError::Foreign("it is not an X.509 certificate"))?;
        let subject = parsed.subject();
        let name = subject.iter_common_name().next().and_then(|name| name.as_str().ok());
        let side = subject.iter_organizational_unit().next().and_then(|side| side.as_str().ok());
        let (Some(name), Some(side)) = (name, side) else {
            return Err(IdentityError::Foreign("its subject has no name or no side"));
        };
        Ok(Self {
            side: Side::from_str(side)?,
            name: name.to_owned(),
            key: Digest::of(parsed.public_key().raw),
            validity: Validity::read(&parsed),
        })
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair};

    use super::*;

    #[test]
    fn a_role_is_read_from_the_word_that_it_is_shown_as_and_from_no_other() {
        for (side, word) in
            [(Side::Overlord, "overlord"), (Side::Minion, "minion"), (Side::Operator, "operator")]
        {
            assert_eq!(format!("{side:>9}"), format!("{word:>9}"));
            assert_eq!(word.parse::<Side>().ok(), Some(side));
        }
        for bad in ["", "Minion", "minion ", "root"] {
            let error = bad.parse::<Side>().expect_err("no side").to_string();
            assert_eq!(
                error,
                "not a certificate of an overlord's authority: its subject names no known side"
            );
        }
    }

    #[test]
    fn a_certificate_without_a_role_or_a_name_is_foreign() {
        let of = |subject: &[(DnType, &str)]| {
            let mut params = CertificateParams::new(Vec::new()).expect("parameters");
            params.distinguished_name = rcgen::DistinguishedName::new();
            for (part, text) in subject {
                params.distinguished_name.push(part.clone(), *text);
            }
            let certificate = params.self_signed(&KeyPair::generate().expect("a key")).expect("signed");
            Peer::of(certificate.der()).map_err(|error| error.to_string())
        };
        let [unit, name] = [(DnType::OrganizationalUnitName, "minion"), (DnType::CommonName, "web1")];
        let peer = of(&[unit.clone(), name.clone()]).expect("both");
        assert_eq!((peer.side, peer.name.as_str()), (Side::Minion, "web1"));
        let foreign = "not a certificate of an overlord's authority: its subject has no name or no side";
        for part in [unit, name] {
            assert_eq!(of(&[part]).expect_err("half"), foreign);
        }
        assert!(
            Peer::of(b"nothing").expect_err("none").to_string().ends_with("it is not an X.509 certificate")
        );
    }
}
