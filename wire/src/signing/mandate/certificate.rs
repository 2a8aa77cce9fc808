//! What an operators' authority says of an operator's key.

use std::fmt;
use std::str::FromStr;

use data_encoding::BASE64;
use serde::{Deserialize, Serialize};

use super::super::key::SigningKey;
use super::super::public_key::PublicKey;
use crate::document::text::line;
use crate::identity::Moment;
use crate::name::OperatorName;

/// The largest text of a certificate that is read, in bytes.
pub const MAX_CERTIFICATE: usize = 4 << 10;

/// That a key is an operator's, until some moment. Its text is a JSON document, which [`str::parse`] reads and
/// `to_string` writes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyCertificate {
    claim: Claim,
    authority: PublicKey,
    signature: Vec<u8>,
}

/// What is signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Claim {
    operator: OperatorName,
    key: PublicKey,
    /// The last second at which it is good, since 1970.
    until: i64,
}

/// Why a text is no certificate, or is none of an authority.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadCertificate {
    /// The text is no such document.
    #[error("it is not a certificate of an operator's key: {0}")]
    Malformed(String),
    /// Another authority has signed it, or none.
    #[error("the certificate of the key is not of the operators' authority that this minion trusts")]
    False,
}

impl KeyCertificate {
    /// Says of a key that it is an operator's until this moment.
    pub fn new(operator: OperatorName, key: PublicKey, until: Moment, authority: &SigningKey) -> Self {
        let claim = Claim { operator, key, until: until.0 };
        let signature = authority.sign_bytes(&claim.message()).to_vec();
        Self { claim, authority: authority.public_key(), signature }
    }

    /// Whether this authority has signed it.
    ///
    /// # Errors
    /// [`BadCertificate::False`], where it has not.
    pub fn verify(&self, authority: PublicKey) -> Result<(), BadCertificate> {
        match authority.verifies(&self.claim.message(), &self.signature) {
            true => Ok(()),
            false => Err(BadCertificate::False),
        }
    }

    /// Whether it has no more bytes than certificates have.
    pub(super) fn is_well_formed(&self) -> bool {
        self.signature.len() == SIGNATURE
    }

    /// Whose key it is.
    pub fn operator(&self) -> &OperatorName {
        &self.claim.operator
    }

    /// The key.
    pub fn key(&self) -> PublicKey {
        self.claim.key
    }

    /// The last moment at which it is good.
    pub fn until(&self) -> Moment {
        Moment(self.claim.until)
    }

    /// The key of the authority that it names as its own.
    pub fn authority(&self) -> PublicKey {
        self.authority
    }
}

impl Claim {
    /// The bytes that are signed.
    fn message(&self) -> Vec<u8> {
        let bytes = postcard::to_extend(self, DOMAIN.to_vec());
        bytes.expect("postcard writes all but sequences of unknown length, and there is none")
    }
}

/// The document that is the text of a certificate.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    operator: OperatorName,
    key: PublicKey,
    until: i64,
    authority: PublicKey,
    signature: String,
}

impl fmt::Display for KeyCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Claim { operator, key, until } = self.claim.clone();
        let signature = BASE64.encode(&self.signature);
        let document = Document { operator, key, until, authority: self.authority, signature };
        writeln!(f, "{}", serde_json::to_string_pretty(&document).map_err(|_| fmt::Error)?)
    }
}

impl FromStr for KeyCertificate {
    type Err = BadCertificate;

    fn from_str(text: &str) -> Result<Self, BadCertificate> {
        let malformed = |why: &dyn fmt::Display| BadCertificate::Malformed(line(&why.to_string()));
        if text.len() > MAX_CERTIFICATE {
            return Err(malformed(&"it is too long"));
        }
        let Document { operator, key, until, authority, signature } =
            serde_json::from_str(text).map_err(|error| malformed(&error))?;
        let signature = BASE64.decode(signature.as_bytes());
        let signature = signature.map_err(|_| malformed(&"\"signature\" is not in base64"))?;
        Ok(Self { claim: Claim { operator, key, until }, authority, signature })
    }
}

/// How many bytes a signature has.
const SIGNATURE: usize = 64;

/// Stands before all bytes that are signed, so that the signature of a certificate is never one of anything else.
const DOMAIN: &[u8] = b"overlord operator's key, version 1\0";
