//! Who is who: keys, certificates and the authority that signs them.
//!
//! An overlord's folder holds the authority. It signs the overlord's own certificate, every minion's and every
//! operator's. A certificate's subject says the side (`OU`) and the name (`CN`).
//!
//! Here certificates are made, read and kept in files. Whether a connection shows a good one is checked in
//! [`crate::transport::endpoint`]; what a peer may do is decided by the overlord and the minion.

mod admission;
mod authority;
mod chain;
mod endorsement;
mod error;
mod files;
mod imported;
mod kept;
mod passphrase;
mod peer;
mod pem;
mod signing_request;
mod validity;
mod vouching;

use std::path::Path;

use rcgen::{KeyPair, PublicKeyData as _};
pub use rustls::pki_types::CertificateDer;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

pub use self::admission::Admission;
pub use self::authority::{Authority, Lifetimes, SERVER_NAME};
use self::chain::is_signed_by;
pub(crate) use self::chain::{provider, roots, validity_and_moment};
pub use self::endorsement::vouches;
pub use self::error::IdentityError;
pub use self::files::{create_private_dir, write_private, write_public};
pub use self::imported::{Imported, request_authority};
pub use self::passphrase::{Passphrase, is_encrypted};
pub use self::peer::{Peer, Side};
pub use self::pem::{certificates_of_pem, certificates_to_pem};
pub(crate) use self::pem::{pem, pkcs8_from_pem};
pub use self::signing_request::SigningRequest;
pub use self::validity::{Moment, Untimely, Validity};
pub use self::vouching::endorse;
use crate::digest::Digest;
use crate::message::newcomer::Issued;
use crate::message::renewal::Credentials;

/// A private key and the certificates that go with it: what one end of a connection shows the other.
#[derive(Debug)]
pub struct Identity {
    key: Vec<u8>,
    /// The certificate for the key first, and then those that lead from it to the authority. Never empty.
    chain: Vec<CertificateDer<'static>>,
    /// The certificates of the authorities that are trusted, that of its own first. Never empty.
    authorities: Vec<CertificateDer<'static>>,
}

impl Identity {
    /// Puts a certificate, in DER, beside the key that it was made for. Neither is checked.
    pub fn new(key: &KeyPair, certificate: Vec<u8>, authority: Vec<u8>) -> Self {
        let (chain, authorities) = (vec![certificate.into()], vec![authority.into()]);
        Self { key: key.serialize_der(), chain, authorities }
    }

    /// What an overlord gave to a newcomer, on this side, for its key: the certificate with those that lead from it to an
    /// authority, and the authorities to trust. Those are taken that an [`Admission`] lets it trust.
    ///
    /// # Errors
    /// [`IdentityError::Foreign`] where the certificate is not for this key and side, or not of such an authority.
    pub fn of_newcomer(key: &KeyPair, side: Side, given: Admission) -> Result<Self, IdentityError> {
        let Issued { certificate, intermediates, authorities } = given.trustworthy();
        let chain: Vec<CertificateDer<'static>> =
            std::iter::once(certificate).chain(intermediates).map(Into::into).collect();
        let peer = Peer::of(&chain[0])?;
        if peer.key != Digest::of(&key.subject_public_key_info()) {
            return Err(IdentityError::Foreign("it is for another key"));
        }
        if peer.side != side {
            return Err(IdentityError::Foreign("it is for another side"));
        }
        let authorities = own_first(authorities.into_iter().map(Into::into).collect(), &chain);
        let authorities =
            authorities.ok_or(IdentityError::Foreign("it is not of the authority that was expected"))?;
        Ok(Self { key: key.serialize_der(), chain, authorities })
    }

    /// The same side and name with another key, for which an overlord has made these certificates.
    ///
    /// Whoever has the overlord for a while must not take its minions and operators with it: an authority that is not
    /// trusted yet is trusted from now on only where one that is has signed for its key, and all others that the overlord
    /// names are left out.
    ///
    /// # Errors
    /// [`IdentityError::Foreign`] where they are not for this key, side and name, or not of such an authority, and
    /// [`IdentityError::Untimely`] where the certificate has ended though the present one has not.
    pub fn renewed(&self, key: &KeyPair, credentials: Credentials) -> Result<Self, IdentityError> {
        let Credentials { chain, authorities } = credentials;
        let chain: Vec<CertificateDer<'static>> = chain.into_iter().map(Into::into).collect();
        let Some(certificate) = chain.first() else {
            return Err(IdentityError::Foreign("there is no certificate"));
        };
        let (before, peer) = (self.peer()?, Peer::of(certificate)?);
        if peer.key != Digest::of(&key.subject_public_key_info()) {
            return Err(IdentityError::Foreign("it is for another key"));
        }
        if (peer.side, &peer.name) != (before.side, &before.name) {
            return Err(IdentityError::Foreign("it is for another side or name"));
        }
        let mut authorities: Vec<CertificateDer<'static>> = authorities.into_iter().map(Into::into).collect();
        authorities.retain(|authority| endorsement::is_acceptable(authority, &self.authorities, &chain));
        let Some(authorities) = own_first(authorities, &chain) else {
            return Err(IdentityError::Foreign("it is not of the authority that this one is of"));
        };
        let chain = endorsement::without_endorsements(chain, &authorities);
        // A clock by which the present one has ended too says nothing of the next.
        match (before.validity.check(), peer.validity.check()) {
            (Ok(()), Err(untimely @ Untimely::Over { .. })) => {
                Err(IdentityError::Untimely { peer: Box::new(peer), untimely })
            }
            _ => Ok(Self { key: key.serialize_der(), chain, authorities }),
        }
    }

    /// The certificate of the authority that this identity is of.
    pub fn authority(&self) -> &CertificateDer<'static> {
        &self.authorities[0]
    }

    /// The certificates of all authorities that are trusted, of which one must have signed the other end's certificate:
    /// that of [`Identity::authority`] first. There are several while an overlord moves from one to another.
    pub fn authorities(&self) -> &[CertificateDer<'static>] {
        &self.authorities
    }

    /// Whether an overlord that showed these certificates goes by other authorities than this identity, of which one that
    /// is trusted here has signed for all, or by another intermediate of the same one: then a renewal brings them.
    pub fn is_behind(&self, shown: &[CertificateDer<'static>]) -> bool {
        let others = shown.get(1..).unwrap_or_default();
        let theirs: Vec<_> =
            others.iter().filter(|one| endorsement::is_acceptable(one, &self.authorities, others)).collect();
        let is_known = |one: &&CertificateDer<'static>| self.authorities.contains(one);
        let is_whole = is_signed_by(self.authority(), &self.chain);
        let are_the_same = is_whole
            && !self.has_other_intermediates(shown)
            && theirs.iter().all(is_known)
            && self.authorities.iter().all(|own| theirs.contains(&own));
        !theirs.is_empty() && !are_the_same
    }

    /// Whether an overlord that showed these certificates goes by the same authority, and by other intermediates of it.
    fn has_other_intermediates(&self, shown: &[CertificateDer<'static>]) -> bool {
        let theirs = shown.get(1..).unwrap_or_default();
        let theirs = theirs.iter().filter(|one| endorsement::is_intermediate(one));
        self.authority_of(shown) == self.authority() && !theirs.eq(self.chain.get(1..).unwrap_or_default())
    }

    /// The same identity as an overlord shows it while it moves from one authority to another: with what else leads to
    /// authorities that peers may trust.
    pub fn between(mut self, more: Vec<Vec<u8>>) -> Self {
        self.chain.extend(more.into_iter().map(CertificateDer::from));
        self
    }

    /// The authority by which an overlord goes that showed these certificates, of those that are trusted here: that of
    /// [`Identity::authority`] where none has signed them.
    pub fn authority_of(&self, shown: &[CertificateDer<'static>]) -> &CertificateDer<'static> {
        // An endorsement of one that is trusted here by another would make it that of both.
        let chain = endorsement::without_endorsements(shown.to_vec(), &self.authorities);
        let mut signers = self.authorities.iter().filter(|authority| is_signed_by(authority, &chain));
        signers.next().unwrap_or(self.authority())
    }

    /// What the certificate says of its owner.
    ///
    /// # Errors
    /// [`IdentityError::Foreign`] where the certificate has no side and name as the authority gives them.
    pub fn peer(&self) -> Result<Peer, IdentityError> {
        Peer::of(self.certificate())
    }

    /// The time for which the certificate is good.
    ///
    /// # Errors
    /// [`IdentityError::Foreign`] where it cannot be read as a certificate.
    pub fn validity(&self) -> Result<Validity, IdentityError> {
        Validity::of(self.certificate())
    }

    /// Whether the authority whose own certificate this is, in DER, has signed the identity's.
    pub fn is_of(&self, authority: &[u8]) -> bool {
        endorsement::is_issued(self.certificate(), &CertificateDer::from(authority))
    }

    /// Whether both identities show the same certificate. After a renewal they do not, though the key is the same.
    pub fn has_certificate_of(&self, other: &Self) -> bool {
        self.chain[0] == other.chain[0]
    }

    /// The chain that is shown to the other end: the certificate, and the authority's own with it, so that a
    /// newcomer who knows only the digest of that one can check the first.
    pub fn shown(&self) -> Vec<CertificateDer<'static>> {
        self.chain.iter().chain(self.authorities.first()).cloned().collect()
    }

    fn certificate(&self) -> &CertificateDer<'static> {
        &self.chain[0]
    }

    fn key_pair(&self) -> Result<KeyPair, IdentityError> {
        Ok(KeyPair::try_from(self.key.as_slice())?)
    }

    pub(crate) fn key(&self) -> PrivateKeyDer<'static> {
        PrivatePkcs8KeyDer::from(self.key.clone()).into()
    }
}

/// The same authorities, the first of those first that have signed the chain; `None` where none has.
fn own_first(
    mut authorities: Vec<CertificateDer<'static>>,
    chain: &[CertificateDer<'static>],
) -> Option<Vec<CertificateDer<'static>>> {
    let own = authorities.iter().position(|authority| is_signed_by(authority, chain))?;
    authorities.swap(0, own);
    Some(authorities)
}

/// Reads the key in this file, or makes one and writes it there (mode 0600), so that an enrolment that was
/// interrupted goes on with the key that it began with.
///
/// # Errors
/// [`IdentityError::File`] where the file cannot be read or written, [`IdentityError::NotPem`] where it holds
/// something else, and [`IdentityError::Certificate`] where no key can be made.
pub fn load_or_make_key(path: &Path) -> Result<KeyPair, IdentityError> {
    if path.exists() {
        return files::read_key(path);
    }
    let key = KeyPair::generate()?;
    write_private(path, key.serialize_pem().as_bytes())?;
    Ok(key)
}

/// Makes a key that is kept nowhere yet.
///
/// # Errors
/// [`IdentityError::Certificate`] where none can be made.
pub fn make_key() -> Result<KeyPair, IdentityError> {
    Ok(KeyPair::generate()?)
}

/// A certificate signing request for this key, in DER. It names nobody: the authority decides on the name.
///
/// # Errors
/// [`IdentityError::Certificate`] where the key cannot sign it.
pub fn signing_request(key: &KeyPair) -> Result<Vec<u8>, IdentityError> {
    let params = rcgen::CertificateParams::new(Vec::new())?;
    Ok(params.serialize_request(key)?.der().to_vec())
}

/// Sixteen bytes from the system's random source, as the secret of an invitation.
///
/// # Errors
/// [`IdentityError::Random`] where the system gives none.
pub fn secret() -> Result<[u8; 16], IdentityError> {
    let mut secret = [0; 16];
    ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut secret)
        .map_err(|_| IdentityError::Random)?;
    Ok(secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_is_what_was_saved_of_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let identity = |name: &str| {
            let key = KeyPair::generate().expect("a key");
            let certificate = rcgen::CertificateParams::new(vec![name.to_owned()])
                .and_then(|params| params.self_signed(&key))
                .expect("a certificate");
            let der = certificate.der().to_vec();
            Identity::new(&key, der.clone(), der)
        };
        let (one, other) = (identity("one"), identity("other"));
        one.save(folder.path(), "one").expect("saved");
        let read = Identity::load(folder.path(), "one").expect("loaded");
        assert!(read.has_certificate_of(&one) && !read.has_certificate_of(&other));
        assert_eq!(read.shown(), [one.chain[0].clone(), one.authorities[0].clone()]);
        assert_eq!((read.authority(), &read.key), (&one.authorities[0], &one.key));
        assert_eq!(read.key().secret_der(), one.key);
        assert!(Identity::load(folder.path(), "two").is_err());
    }

    #[test]
    fn an_interrupted_join_goes_on_with_its_key() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("minion.key");
        let made = load_or_make_key(&path).expect("made");
        assert_eq!(load_or_make_key(&path).expect("read").serialize_der(), made.serialize_der());
        std::fs::write(&path, "no key").expect("written");
        assert!(matches!(load_or_make_key(&path), Err(IdentityError::NotPem { .. })));
    }

    #[test]
    fn no_secret_is_like_another() {
        let [one, other] = [secret(), secret()].map(|secret| secret.expect("random bytes"));
        assert_ne!(one, other);
    }
}
