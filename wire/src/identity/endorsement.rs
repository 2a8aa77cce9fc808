//! What it is that one authority vouches for another: a certificate that it has signed for the key of the other one.
//!
//! Whoever trusts the first may trust the second from then on, and can check certificates of the second through the
//! endorsement before it does. Only who has the key of the first can make one, which is more than to be the overlord for a
//! while where that key is elsewhere.
//!
//! An endorsement has a mark, which no other certificate of an authority has: else one that makes an intermediate would also
//! say that a root of the same key is to be trusted. And it ends soon, so that one which was made for a move that went back
//! is worth nothing any more when its key is stolen years later.

use rustls::pki_types::CertificateDer;
use x509_parser::asn1_rs::Oid;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use std::time::Duration;

use super::validity::Validity;

/// Whether an authority that is named may be trusted: it is already, or one that is vouches for its key at this moment, by an
/// endorsement among these. It has to be a root, which has signed its own certificate.
pub(super) fn is_acceptable(
    root: &CertificateDer<'_>,
    trusted: &[CertificateDer<'static>],
    among: &[CertificateDer<'static>],
) -> bool {
    let Ok((_, parsed)) = X509Certificate::from_der(root) else { return false };
    if trusted.iter().any(|one| one == root) {
        return true;
    }
    let is_root = parsed.is_ca() && is_signed(&parsed, &parsed);
    is_root && trusted.iter().any(|by| among.iter().any(|one| is_endorsement(one, &parsed, by)))
}

/// Whether `by` vouches with this certificate, at this moment, for the authority whose own certificate is `root`.
pub(super) fn is_endorsement(
    certificate: &CertificateDer<'_>,
    root: &X509Certificate<'_>,
    by: &CertificateDer<'_>,
) -> bool {
    let parsed = (X509Certificate::from_der(certificate), X509Certificate::from_der(by));
    let (Ok((_, certificate)), Ok((_, by))) = parsed else { return false };
    certificate.is_ca()
        && is_marked(&certificate)
        && is_for_a_while(Validity::read(&certificate))
        && certificate.public_key().raw == root.public_key().raw
        && certificate.subject().as_raw() == root.subject().as_raw()
        && is_signed(&certificate, &by)
}

/// Whether an endorsement of this time is good now. One for years is none, whoever signed it by mistake.
fn is_for_a_while(validity: Validity) -> bool {
    validity.lifetime() <= ENDORSED_FOR.as_secs() as i64 + DAY && validity.check().is_ok()
}

/// Whether a certificate leads from those that it signs to a root: it is neither a root nor an endorsement.
pub(super) fn is_intermediate(certificate: &CertificateDer<'_>) -> bool {
    X509Certificate::from_der(certificate)
        .is_ok_and(|(_, one)| one.is_ca() && !is_marked(&one) && !is_signed(&one, &one))
}

/// Whether a certificate has the mark of an endorsement.
pub(super) fn is_marked(certificate: &X509Certificate<'_>) -> bool {
    let is_mark = |oid: &Oid<'_>| oid.iter().is_some_and(|arcs| arcs.eq(MARK.iter().copied()));
    certificate.extensions().iter().any(|extension| is_mark(&extension.oid))
}

/// Whether this certificate is one by which the authority `by` vouches for another: both are the roots' own, in DER.
pub fn vouches(certificate: &[u8], root: &[u8], by: &[u8]) -> bool {
    let (certificate, root, by) =
        (CertificateDer::from(certificate), CertificateDer::from(root), CertificateDer::from(by));
    is_acceptable(&root, &[by.into_owned()], &[certificate.into_owned()])
}

/// A chain without what only leads from one of these authorities to another.
pub(super) fn without_endorsements(
    chain: Vec<CertificateDer<'static>>,
    authorities: &[CertificateDer<'static>],
) -> Vec<CertificateDer<'static>> {
    let is_of_authority = |one: &CertificateDer<'_>| {
        let key = public_key(one);
        authorities.iter().any(|authority| public_key(authority) == key)
    };
    let mut at = 0;
    let mut chain = chain;
    chain.retain(|one| {
        at += 1;
        at == 1 || !is_of_authority(one)
    });
    chain
}

/// The public key of a certificate, as it is written there.
pub(super) fn public_key(certificate: &CertificateDer<'_>) -> Option<Vec<u8>> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    Some(parsed.public_key().raw.to_vec())
}

/// Whether the authority whose own certificate is `by` has signed a certificate.
pub(super) fn is_issued(certificate: &CertificateDer<'_>, by: &CertificateDer<'_>) -> bool {
    let parsed = (X509Certificate::from_der(certificate), X509Certificate::from_der(by));
    let (Ok((_, certificate)), Ok((_, by))) = parsed else { return false };
    is_signed(&certificate, &by)
}

/// Whether the key of `by` has signed a certificate.
pub(super) fn is_signed(certificate: &X509Certificate<'_>, by: &X509Certificate<'_>) -> bool {
    certificate.issuer().as_raw() == by.subject().as_raw()
        && certificate.verify_signature(Some(by.public_key())).is_ok()
}

/// For how long an authority vouches for another: long enough for a move, whose endorsement is made anew while it lasts.
pub(super) const ENDORSED_FOR: Duration = Duration::from_secs(90 * 24 * 3600);
/// What a root's owner may be off by, in seconds, with an endorsement that is signed by hand.
const DAY: i64 = 24 * 3600;
/// The extension that says that a certificate is an endorsement, by its object identifier.
pub(super) const MARK: &[u64] = &[2, 25, 4_916_307_285_164_093_718];
/// Its value, in DER: `NULL`.
pub(super) const NOTHING: [u8; 2] = [5, 0];

#[cfg(test)]
mod tests {
    use rcgen::CustomExtension;
    use time::OffsetDateTime;

    use super::super::{Authority, Moment, endorse};
    use super::*;

    fn der(authority: &Authority) -> CertificateDer<'static> {
        authority.certificate().to_vec().into()
    }

    #[test]
    fn an_authority_is_acceptable_where_a_trusted_one_has_signed_for_its_key_and_only_there() {
        let [old, new, other] = ["old", "new", "other"].map(|name| Authority::new(name).expect("made"));
        let by = |authority: &Authority, of: &Authority| -> CertificateDer<'static> {
            endorse(authority, of.certificate()).expect("signed").into()
        };
        let is_acceptable = |trusted: &[&Authority], among: &[CertificateDer<'static>]| {
            let trusted: Vec<_> = trusted.iter().map(|one| der(one)).collect();
            is_acceptable(&der(&new), &trusted, among)
        };
        assert!(is_acceptable(&[&new], &[]));
        assert!(is_acceptable(&[&old], &[by(&old, &new)]));
        assert!(is_acceptable(&[&other, &old], &[der(&new), by(&old, &new)]));
        for (trusted, among) in [
            (&old, vec![]),
            (&old, vec![der(&new)]),
            (&old, vec![by(&other, &new)]),
            (&old, vec![by(&old, &other)]),
            (&other, vec![by(&old, &new)]),
            (&old, vec![by(&new, &old)]),
        ] {
            assert!(!is_acceptable(&[trusted], &among));
        }
        // An endorsement is no root, and is never trusted as one.
        let endorsement = by(&old, &new);
        assert!(!super::is_acceptable(&endorsement, &[der(&old)], std::slice::from_ref(&endorsement)));
    }

    /// A certificate of the key and name of an authority by another, with an endorsement's mark or without, that was good from an
    /// hour ago for so long.
    fn certified(
        of: &Authority,
        by: &Authority,
        extensions: &[&[u64]],
        until: i64,
    ) -> CertificateDer<'static> {
        let mut params = super::super::authority::of_authority("twin").expect("parameters");
        let marked = extensions.iter().map(|oid| CustomExtension::from_oid_content(oid, NOTHING.to_vec()));
        params.custom_extensions = marked.collect();
        let Moment(now) = Moment::now();
        let moment = |second| OffsetDateTime::from_unix_timestamp(second).expect("a moment");
        (params.not_before, params.not_after) = (moment(now - 200_000), moment(now + until));
        params.signed_by(of.issuer().key(), by.issuer()).expect("signed").der().clone()
    }

    #[test]
    fn only_a_marked_certificate_that_is_good_now_vouches_for_an_authority() {
        let [root, twin] = ["root", "twin"].map(|name| Authority::new(name).expect("made"));
        for (extensions, until, expected) in [
            (vec![MARK], 100_000, true),
            // As the root signs for an intermediate, whose key makes a root of its own then.
            (vec![], 100_000, false),
            (vec![&[2, 25, 1][..]], 100_000, false),
            (vec![&[2, 25][..]], 100_000, false),
            // Of a move that is over.
            (vec![MARK], -100_000, false),
            // Of an intermediate, whose request has asked for the mark.
            (vec![MARK], 100 * DAY, false),
        ] {
            let among = [certified(&twin, &root, &extensions, until)];
            assert_eq!(is_acceptable(&der(&twin), &[der(&root)], &among), expected, "{extensions:?} {until}");
        }
        let endorsement = endorse(&root, twin.certificate()).expect("signed");
        let validity = Validity::of(&endorsement).expect("reads");
        assert_eq!(validity.lifetime(), 90 * 24 * 3600);
        assert!(vouches(&endorsement, twin.certificate(), root.certificate()));
        // No longer than the root itself.
        let short = certified(&twin, &twin, &[], 1000);
        let endorsement = endorse(&root, &short).expect("signed");
        assert_eq!(
            Validity::of(&endorsement).expect("reads").until,
            Validity::of(&short).expect("reads").until
        );
    }
}
