//! A mandate with the signature of the operator who made it.

use serde::{Deserialize, Serialize};

use super::super::key::SigningKey;
use super::super::public_key::PublicKey;
use super::{KeyCertificate, Mandate};

/// The most bytes of a mandate: there is room for a long target expression.
pub const MAX_MANDATE: usize = 256 << 10;

/// A mandate as it travels: the bytes that were signed, whose signature it is, and why minions are to trust that.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedMandate {
    /// The mandate, exactly as it was signed.
    bytes: Vec<u8>,
    signer: PublicKey,
    signature: Vec<u8>,
    certificate: Option<Box<KeyCertificate>>,
}

/// The versions of what is signed.
#[derive(Serialize, Deserialize)]
enum Versions {
    One(Mandate),
}

/// Why nobody vouches for a mandate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadMandate {
    /// It has more bytes than any may have.
    #[error(
        "what is to be signed has more than {MAX_MANDATE} bytes: write a shorter target, such as a pattern or a label"
    )]
    TooLarge,
    /// Its bytes are no mandate of a version that is known here.
    #[error("what was signed cannot be read: whoever signed it may have a newer version")]
    Malformed,
    /// The signer never signed it.
    #[error("the signature is false: its key did not sign what it says")]
    False,
}

impl SignedMandate {
    /// Signs a mandate. `certificate` goes along for minions that trust an operators' authority.
    ///
    /// # Errors
    /// [`BadMandate::TooLarge`], where its target takes too much.
    pub fn new(
        mandate: Mandate,
        key: &SigningKey,
        certificate: Option<KeyCertificate>,
    ) -> Result<Self, BadMandate> {
        let bytes = postcard::to_stdvec(&Versions::One(mandate)).map_err(|_| BadMandate::TooLarge)?;
        if bytes.len() > MAX_MANDATE {
            return Err(BadMandate::TooLarge);
        }
        let signature = key.sign_bytes(&message(&bytes)).to_vec();
        Ok(Self { bytes, signer: key.public_key(), signature, certificate: certificate.map(Box::new) })
    }

    /// What the signer signed. Whether the signer is to be trusted is another question.
    ///
    /// # Errors
    /// [`BadMandate`], where it is none that this key signed.
    pub fn verify(&self) -> Result<Mandate, BadMandate> {
        if self.bytes.len() > MAX_MANDATE {
            return Err(BadMandate::TooLarge);
        }
        // Whose certificate it is, only those know who trust its authority, but all keep it.
        if self.certificate().is_some_and(|certificate| !certificate.is_well_formed()) {
            return Err(BadMandate::Malformed);
        }
        if !self.signer.verifies(&message(&self.bytes), &self.signature) {
            return Err(BadMandate::False);
        }
        match postcard::take_from_bytes(&self.bytes) {
            Ok((Versions::One(mandate), [])) => Ok(mandate),
            Ok(_) | Err(_) => Err(BadMandate::Malformed),
        }
    }

    /// The key that the signature names as its own.
    pub fn signer(&self) -> PublicKey {
        self.signer
    }

    /// Why minions are to trust the key that have not pinned it.
    pub fn certificate(&self) -> Option<&KeyCertificate> {
        self.certificate.as_deref()
    }
}

impl std::fmt::Debug for SignedMandate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SignedMandate").field("signer", &self.signer).finish_non_exhaustive()
    }
}

/// The bytes that are signed.
fn message(bytes: &[u8]) -> Vec<u8> {
    [DOMAIN, bytes].concat()
}

/// Stands before all bytes that are signed, so that the signature of a mandate is never one of anything else.
const DOMAIN: &[u8] = b"overlord mandate\0";
