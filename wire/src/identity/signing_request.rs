//! A request for a certificate, as whoever has the key makes it.

use rcgen::{CertificateSigningRequestParams, PublicKeyData};
use rustls::pki_types::CertificateSigningRequestDer;

use super::IdentityError;
use crate::digest::Digest;

/// A certificate signing request whose signature was checked: its owner has the private key.
pub struct SigningRequest(CertificateSigningRequestParams);

impl SigningRequest {
    /// Reads a request in DER and checks its signature.
    ///
    /// # Errors
    /// [`IdentityError::Certificate`] where it is malformed or was not signed with the key in it.
    pub fn from_der(request: &[u8]) -> Result<Self, IdentityError> {
        let request = CertificateSigningRequestDer::from(request);
        Ok(Self(CertificateSigningRequestParams::from_der(&request)?))
    }

    /// The digest of the public key in the request: the same as [`Peer::key`](super::Peer::key) of a certificate
    /// made from it.
    pub fn key(&self) -> Digest {
        Digest::of(&self.0.public_key.subject_public_key_info())
    }

    pub(super) fn public_key(&self) -> &impl PublicKeyData {
        &self.0.public_key
    }
}
