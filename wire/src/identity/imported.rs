//! Certificates of an authority that were signed elsewhere, as an overlord takes them in.

use rcgen::{KeyPair, PublicKeyData as _};
use rustls::pki_types::CertificateDer;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::authority::of_authority;
use super::chain::is_signed_by;
use super::endorsement::{is_marked, is_signed, public_key};
use super::pem::certificates;
use super::{Authority, Identity, IdentityError, Side, Validity};

/// An authority whose certificates were signed elsewhere.
pub struct Imported {
    /// The authority.
    pub authority: Authority,
    /// What came with its certificates and does not lead to its root, in DER: certificates by which others may vouch for
    /// that.
    pub others: Vec<Vec<u8>>,
}

/// A key for an intermediate authority, in PEM, and a request for its certificate, in PEM, which names it so.
///
/// # Errors
/// [`IdentityError::Certificate`] where either cannot be made.
pub fn request_authority(name: &str) -> Result<(String, String), IdentityError> {
    let key = KeyPair::generate()?;
    let request = of_authority(name)?.serialize_request(&key)?;
    Ok((key.serialize_pem(), request.pem()?))
}

impl Imported {
    /// Reads the certificates, in PEM and in any order, for the authority whose key this is, in PEM. That they lead to a root
    /// which is among them, and that certificates which it signs will be good, is checked.
    ///
    /// # Errors
    /// [`IdentityError::Authority`], which says what is wrong with them.
    pub fn read(key: &str, pem: &[u8]) -> Result<Self, IdentityError> {
        let wrong = |what: String| IdentityError::Authority(what);
        let all = certificates(pem)
            .ok_or_else(|| wrong("there is no certificate in PEM, or one cannot be read".to_owned()))?;
        let own = KeyPair::from_pem(key)?.subject_public_key_info();
        let path = path(&all, &own)?;
        for certificate in &path {
            check(certificate)?;
        }
        let chain: String = path.iter().map(|certificate| super::pem("CERTIFICATE", certificate)).collect();
        let authority = Authority::from_pem(key, chain.as_bytes())?;
        let specimen = authority.issue(Side::Operator, "specimen")?;
        if !leads_to_root(&specimen) {
            return Err(wrong(
                "what it signs would not be good: a path length, a key usage or a name constraint of a certificate in the \
                 chain forbids it, or its name has several parts of a kind"
                    .to_owned(),
            ));
        }
        let others = all.iter().filter(|one| !path.contains(one)).map(|one| one.to_vec()).collect();
        Ok(Self { authority, others })
    }
}

fn leads_to_root(specimen: &Identity) -> bool {
    is_signed_by(specimen.authority(), &specimen.chain)
}

/// The certificates from that of this key to the root.
fn path(all: &[CertificateDer<'static>], key: &[u8]) -> Result<Vec<CertificateDer<'static>>, IdentityError> {
    let wrong = |what: String| IdentityError::Authority(what);
    let mut path: Vec<CertificateDer<'static>> = Vec::new();
    let mut next = all.iter().find(|one| public_key(one).is_some_and(|there| there == key));
    let missing = "none of the certificates is of the authority's key: give the one that was signed for the request of \
                   `overlord ca export-csr`, which is good once";
    if next.is_none() {
        return Err(wrong(missing.to_owned()));
    }
    while let Some(found) = next {
        let (_, parsed) = X509Certificate::from_der(found)
            .map_err(|_| wrong("a certificate is not one of X.509".to_owned()))?;
        path.push(found.clone());
        if is_signed(&parsed, &parsed) {
            return Ok(path);
        }
        if path.len() > MOST {
            return Err(wrong(format!("there are more than {MOST} certificates between it and its root")));
        }
        let has_signed = |one: &&CertificateDer<'static>| {
            !path.contains(one) && X509Certificate::from_der(one).is_ok_and(|(_, by)| is_signed(&parsed, &by))
        };
        // The root itself, rather than a certificate by which another vouches for it.
        let is_root = |one: &&CertificateDer<'static>| {
            X509Certificate::from_der(one).is_ok_and(|(_, by)| is_signed(&by, &by))
        };
        let issuers: Vec<_> = all.iter().filter(has_signed).collect();
        next = issuers.iter().copied().find(|one| is_root(one)).or_else(|| issuers.first().copied());
        if next.is_none() {
            return Err(wrong(format!(
                "the certificate of \"{}\" is missing, which has signed that of \"{}\": append all certificates up to the \
                 root, and the root's own",
                parsed.issuer(),
                parsed.subject()
            )));
        }
    }
    Err(wrong("they do not lead to a root".to_owned()))
}

/// Checks that one certificate on the way is that of an authority, and good now.
fn check(certificate: &CertificateDer<'static>) -> Result<(), IdentityError> {
    let wrong = |what: String| IdentityError::Authority(what);
    let (_, parsed) = X509Certificate::from_der(certificate)
        .map_err(|_| wrong("a certificate is not one of X.509".to_owned()))?;
    let subject = parsed.subject();
    if is_marked(&parsed) {
        return Err(wrong(format!(
            "the certificate of \"{subject}\" says that its issuer vouches for another root, and cannot lead to one: have it \
             signed without that extension, and append the root's own certificate"
        )));
    }
    let signs = parsed.key_usage().ok().flatten().is_none_or(|usage| usage.value.key_cert_sign());
    if !parsed.is_ca() || !signs {
        return Err(wrong(format!(
            "the certificate of \"{subject}\" is not that of an authority: let it be signed with \
             basicConstraints=critical,CA:TRUE and keyUsage=critical,keyCertSign,cRLSign"
        )));
    }
    Validity::read(&parsed)
        .check()
        .map_err(|untimely| wrong(format!("the certificate of \"{subject}\" {untimely}")))
}

/// The most certificates between an authority and its root: all have to fit into the messages that carry them.
const MOST: usize = 3;
