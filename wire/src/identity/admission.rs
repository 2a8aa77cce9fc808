//! What a newcomer believes of an overlord of which it knows no more than a fingerprint.

use rustls::pki_types::CertificateDer;

use super::endorsement;
use crate::digest::Digest;
use crate::message::newcomer::Issued;

/// What a newcomer was given by an overlord that it knows by a fingerprint.
///
/// Whoever has an overlord for a while, or a key of an intermediate, must not choose what newcomers trust for years: of the
/// authorities that are named to a newcomer, it trusts the one of that fingerprint, and those for which that one vouches.
#[derive(Clone, Debug)]
pub struct Admission {
    /// What it was given.
    pub issued: Issued,
    /// The digest of the certificate of the authority that it was told to trust.
    pub fingerprint: Digest,
    /// The certificates that the overlord showed in the handshake.
    pub shown: Vec<CertificateDer<'static>>,
}

impl Admission {
    /// The same, with no other authorities than those that may be trusted.
    pub(super) fn trustworthy(self) -> Issued {
        let Self { issued: Issued { certificate, intermediates, authorities }, fingerprint, shown } = self;
        let mut authorities: Vec<CertificateDer<'static>> = authorities.into_iter().map(Into::into).collect();
        let known: Vec<_> =
            authorities.iter().chain(&shown).filter(|one| Digest::of(one) == fingerprint).cloned().collect();
        authorities.retain(|one| endorsement::is_acceptable(one, &known, &shown));
        let authorities = authorities.into_iter().map(|one| one.to_vec()).collect();
        Issued { certificate, intermediates, authorities }
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{KeyPair, PublicKeyData as _};

    use super::super::{Authority, Identity, Side, SigningRequest, endorse, signing_request};
    use super::*;

    fn issued(by: &Authority, key: &KeyPair, authorities: &[&Authority]) -> Issued {
        let request = SigningRequest::from_der(&signing_request(key).expect("made")).expect("reads");
        Issued {
            certificate: by.sign_request(&request, Side::Minion, "web1").expect("signed"),
            intermediates: by.intermediates(),
            authorities: authorities.iter().map(|one| one.certificate().to_vec()).collect(),
        }
    }

    #[test]
    fn a_newcomer_trusts_the_authority_that_it_was_told_to_and_those_for_which_that_one_vouches() {
        let [own, next, foreign] = ["own", "next", "foreign"].map(|name| Authority::new(name).expect("made"));
        let key = KeyPair::generate().expect("a key");
        let vouched: Vec<CertificateDer<'static>> =
            vec![endorse(&own, next.certificate()).expect("signed").into()];
        let of = |authority: &Authority| CertificateDer::from(authority.certificate().to_vec());
        let admitted =
            |by: &Authority, named: &[&Authority], shown: &[CertificateDer<'static>], side: Side| {
                let (issued, shown) = (issued(by, &key, named), [shown, &[of(&own)]].concat());
                let admission = Admission { issued, fingerprint: own.fingerprint(), shown };
                let identity =
                    Identity::of_newcomer(&key, side, admission).map_err(|error| error.to_string())?;
                Ok::<_, String>(identity.authorities().to_vec())
            };
        let minion = Side::Minion;
        assert_eq!(admitted(&own, &[&own], &[], minion), Ok(vec![of(&own)]));
        assert_eq!(admitted(&own, &[&foreign, &own], &[], minion), Ok(vec![of(&own)]), "and no other");
        assert_eq!(admitted(&next, &[&next, &own], &vouched, minion), Ok(vec![of(&next), of(&own)]));
        assert_eq!(admitted(&next, &[&own, &next], &vouched, minion), Ok(vec![of(&next), of(&own)]));
        for (by, named, shown, side, why) in [
            (&next, vec![&next, &own], &[][..], minion, "not of the authority that was expected"),
            (&foreign, vec![&foreign, &own], &vouched[..], minion, "not of the authority that was expected"),
            (&own, vec![], &[][..], minion, "not of the authority that was expected"),
            (&own, vec![&own], &[][..], Side::Operator, "another side"),
        ] {
            let error = admitted(by, &named, shown, side).expect_err("refused");
            assert!(error.contains(why), "{error}");
        }
        let other = KeyPair::generate().expect("a key");
        assert_ne!(other.subject_public_key_info(), key.subject_public_key_info());
        let (issued, fingerprint) = (issued(&own, &other, &[&own]), own.fingerprint());
        let admission = Admission { issued, fingerprint, shown: Vec::new() };
        let error = Identity::of_newcomer(&key, minion, admission).expect_err("refused").to_string();
        assert!(error.contains("another key"), "{error}");
    }
}
