//! Which authority has signed a chain of certificates, as TLS asks it.

use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::{CertificateError, RootCertStore};

use super::validity::{Moment, Validity};

/// Whether this authority has signed the certificate that is the first of a client's chain, good now or not.
pub(super) fn is_signed_by(authority: &CertificateDer<'static>, chain: &[CertificateDer<'_>]) -> bool {
    let check = |(certificate, rest): (&CertificateDer<'_>, &[CertificateDer<'_>])| {
        let roots = Arc::new(roots(std::slice::from_ref(authority)).ok()?);
        let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider()).build().ok()?;
        let (_, signed_at) = validity_and_moment(certificate, rest).ok()?;
        verifier.verify_client_cert(certificate, rest, signed_at).ok()
    };
    chain.split_first().and_then(check).is_some()
}

/// The time for which a certificate is good, and the moment at which to ask who signed it: now, as far as that can be without
/// failing for a time that [`Validity::check`] has to judge, or for a clock that is slow. So it is never after the end of the
/// certificate, and never before any of those that lead from it to an authority begins.
pub(crate) fn validity_and_moment(
    certificate: &CertificateDer<'_>,
    leading: &[CertificateDer<'_>],
) -> Result<(Validity, UnixTime), rustls::Error> {
    let validity = |certificate: &CertificateDer<'_>| {
        Validity::of(certificate)
            .map_err(|_| rustls::Error::InvalidCertificate(CertificateError::BadEncoding))
    };
    let own = validity(certificate)?;
    let Moment(now) = Moment::now();
    let begins = leading.iter().filter_map(|one| validity(one).ok()).map(|one| one.from);
    let moment = begins.fold(now.max(own.from), i64::max).min(own.until);
    Ok((own, UnixTime::since_unix_epoch(Duration::from_secs(moment.try_into().unwrap_or_default()))))
}

/// The cryptography with which TLS is spoken.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// These authorities, as those that are trusted.
pub(crate) fn roots(authorities: &[CertificateDer<'static>]) -> Result<RootCertStore, rustls::Error> {
    let mut roots = RootCertStore::empty();
    for authority in authorities {
        roots.add(authority.clone())?;
    }
    Ok(roots)
}
